"""`heartline export`: decisions of a file in the formats of other systems, one JSON document per line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from models.errors import InvalidData
from models.interchange.eido_note import EidoSender, eido_of
from models.interchange.fhir import service_request
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, takes_program

export_app = typer.Typer(no_args_is_help=True, help="Write decisions as EIDO notes or FHIR referrals.")

EIDO_EXAMPLE = "Example: heartline export eido --decisions data/examples/decisions.jsonl --agency psap.example.gov"
FHIR_EXAMPLE = (
    "Example: heartline export fhir --decisions data/examples/decisions.jsonl --agency x --program data/examples/town.toml"
)
DecisionsOption = Annotated[Path, typer.Option("--decisions", help="Decisions as JSONL, as heartline score writes them.")]
AgencyOption = Annotated[str, typer.Option("--agency", help="Identifier of the sending agency.")]


@export_app.command("eido", epilog=EIDO_EXAMPLE)
def eido(
    decisions: DecisionsOption,
    agency: AgencyOption,
    element: Annotated[str, typer.Option("--element", help="The sending functional element.")] = "heartline",
) -> None:
    """Print each decision as an EIDO that adds a note to its incident."""
    sender = EidoSender(agency=agency, element=element)
    for decision in _decisions(decisions):
        terminal.show(json.dumps(eido_of(decision, sender=sender), ensure_ascii=False))


@export_app.command("fhir", epilog=FHIR_EXAMPLE)
@takes_program
def fhir(decisions: DecisionsOption, agency: AgencyOption, program: ProgramFiles = PROGRAM) -> None:
    """Print referrals to care navigation as FHIR R4 ServiceRequests, where the program's file asks for it."""
    loaded, referred = load_program(program), 0
    for decision in _decisions(decisions):
        request = service_request(decision, program=loaded, requester=agency)
        if request is not None:
            referred += 1
            terminal.show(json.dumps(request, ensure_ascii=False))
    terminal.say(f"{referred} referrals to care navigation")


def _decisions(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the decisions of a file of JSON lines; raise `InvalidData` naming a line that is not a decision."""
    if not path.is_file():
        raise InvalidData("no such file", value=str(path), remedy="write it with heartline score --out decisions.jsonl")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                decision = json.loads(line)
            except ValueError:
                decision = None
            if not isinstance(decision, dict) or "decision_id" not in decision:
                raise InvalidData("line is not a decision", value=number, remedy="give a file of heartline score")
            yield decision
