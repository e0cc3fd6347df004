"""The Router as an MLflow model (models from code): MLflow runs this file to load the registered model.

`predict` gives the Router's decisions, so `mlflow models serve` and a Spark UDF run the veto too. A bundle whose digest is
not the registered one is refused. MLflow needs its base class here; everything else about MLflow is in `tracking.py`.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from models.call import Call
from models.classifier import bundle as bundles
from models.decision import Decision
from models.errors import InvalidCall
from models.programs.kept import program_of
from models.router import Router, matcher_of

COLUMNS = ["recommendation", "eligible_probability", "risk_probability", "decision"]


class RouterModel(PythonModel):
    """A model that turns a table of calls into a table of decisions."""

    def load_context(self, context: Any) -> None:
        """Load the bundle beside the model and check that it is the registered one."""
        expected = json.loads(Path(context.artifacts["identity"]).read_text(encoding="utf-8"))
        folder = Path(context.artifacts["bundle"])
        bundle = bundles.load(folder, expected_digest=expected["digest"])
        program = program_of(folder, expected["program"], version=str(bundle.manifest["training"]["program"]))
        self.router = Router(bundle=bundle, program=program, matcher=matcher_of(program))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002
        """Return one row for each call: recommendation, probabilities, and the whole decision as JSON.

        A row that cannot be read as a call gives REVIEW.
        """
        calls = [_call(record) for record in model_input.to_dict("records")]
        decided = self.router.decide_many(call for call in calls if isinstance(call, Call))
        decisions = [next(decided) if isinstance(call, Call) else self.router.refuse(call) for call in calls]
        return pd.DataFrame(list(map(_row, decisions)), columns=COLUMNS)


def _call(record: dict[Any, Any]) -> Call | InvalidCall:
    """Return a row as a call, or the error of a row that is none."""
    try:
        return Call.from_record(record)
    except InvalidCall as error:
        return error


def _row(decision: Decision) -> dict[str, Any]:
    """Return a decision as a row of the answer."""
    return {
        "recommendation": decision.recommendation.value,
        "eligible_probability": decision.eligible_probability,
        "risk_probability": decision.risk_probability,
        "decision": decision.to_json(),
    }


set_model(RouterModel())
