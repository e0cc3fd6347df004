"""An evaluation as lines of text for the terminal."""

from collections.abc import Iterator

from pipelines.evaluation.evaluate import Evaluation, WrongAnswer

_SHOWN = 100


def evaluation_lines(result: Evaluation) -> Iterator[str]:
    """Yield the lines of an evaluation, the worst errors first."""
    yield f"False clears (ineligible, suggested ELIGIBLE): {len(result.false_clears)}"
    yield from _error_lines(result.false_clears)
    yield f"Weapon or violence labelled, not vetoed: {len(result.missed_vetoes)}"
    yield from _error_lines(result.missed_vetoes)
    yield f"Eligible, suggested NOT_ELIGIBLE: {len(result.missed_eligible)}"
    yield f"Over {result.n} calls labelled yes or no; 95 % intervals:"
    for name, estimate in result.figures.items():
        yield f"  {name.replace('_', ' '):32}{estimate} {estimate.method}"
    shift = (f"{each.value:.1f} ({each.low:.1f} to {each.high:.1f}) {name}" for name, each in result.per_100_calls.items())
    yield f"A shift of 100 calls brings {', '.join(shift)}"
    yield "Recall (suggested ELIGIBLE) by type:"
    for name, estimate in result.recall_by_type.items():
        yield f"  {name:24}{estimate} {estimate.method}"
    if result.n_unsure:
        answers = ", ".join(f"{name} {count}" for name, count in result.unsure.items())
        yield f"Labelled unsure, not counted above: {result.n_unsure} ({answers})"
    yield f"One decision: {result.latency_ms['p50']:.2f} ms median, {result.latency_ms['p99']:.2f} ms at the 99th percentile"


def _error_lines(errors: list[WrongAnswer]) -> Iterator[str]:
    """Yield wrong answers by their rows, without notes, at most `_SHOWN` of them."""
    for error in errors[:_SHOWN]:
        chance = "no score" if error.probability is None else f"p={error.probability:.2f}"
        reasons = ", ".join(dict.fromkeys(error.reasons))
        yield f"  row {error.row}: {error.call_type}, {error.recommendation}, {chance}, {reasons}"
    if len(errors) > _SHOWN:
        yield f"  and {len(errors) - _SHOWN} more: heartline evaluate --html or --json lists all"
