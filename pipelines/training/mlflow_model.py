"""Serve the Router as an MLflow model (models from code): MLflow runs this file to load the registered model.

`predict` is `Router.decide`, so `mlflow models serve` and a Spark UDF run the veto too. A bundle whose digest is not the
one that was registered is refused. MLflow needs its base class here; everything else about MLflow is in `tracking.py`.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from models.call import Call
from models.classifier import bundle as bundles
from models.errors import InvalidCall
from models.programs.program import load_program
from models.router import Router
from models.veto.matcher import Rulebook


class RouterModel(PythonModel):
    """Answer a table of calls with a table of decisions."""

    def load_context(self, context: Any) -> None:
        """Load the bundle beside the model and check that it is the one that was registered."""
        expected = json.loads(Path(context.artifacts["identity"]).read_text(encoding="utf-8"))
        bundle = bundles.load(Path(context.artifacts["bundle"]), expected_digest=expected["digest"])
        self.router = Router(bundle=bundle, program=load_program(expected["program"]), rulebook=Rulebook())

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002
        """Return one row a call: recommendation, probabilities, and the whole decision as JSON."""
        decisions = [self._decide(record) for record in model_input.to_dict("records")]
        return pd.DataFrame(decisions, columns=["recommendation", "eligible_probability", "risk_probability", "decision"])

    def _decide(self, record: dict[Any, Any]) -> dict[str, Any]:
        """Decide one row; a row that is no call is a REVIEW that says so, never a guess."""
        try:
            decision = self.router.decide(Call.from_record(record))
        except InvalidCall as error:
            decision = self.router.refuse(error)
        return {
            "recommendation": decision.recommendation.value,
            "eligible_probability": decision.eligible_probability,
            "risk_probability": decision.risk_probability,
            "decision": decision.to_json(),
        }


set_model(RouterModel())
