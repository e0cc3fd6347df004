"""The proof that a bundle's look-up tables give scikit-learn's scores, repeated on its golden calls and on others."""

from collections.abc import Iterable
from pathlib import Path

from models.call import Call
from models.classifier import bundle as bundles
from models.classifier import features
from models.classifier.bundle import Proof
from models.programs.program import Program
from models.router import reader_of


def prove(folder: Path, program: Program, calls: Iterable[Call] = ()) -> Proof:
    """Return the proof of a bundle on its golden calls and on `calls`, read as a program reads them.

    Raises
    ------
    BundleError
        The tables are not those of the model, or a score differs from scikit-learn's.

    """
    reader = reader_of(program)
    return bundles.prove(folder, [features.row(reader.read(call)) for call in calls])
