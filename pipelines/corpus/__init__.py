"""The synthetic corpus: scenes of one city's calls, the notes written about them, and labels that follow from the scenes.

Training, tests and examples use it where no agency's own labelled calls are at hand. `heartline synthesise` writes it;
`synthesise.synthesise` yields the calls one by one and `frame` returns them as a table.
"""

from pipelines.corpus.diversity import Diversity, kappa, measure
from pipelines.corpus.material import Material, Scenario, load_material
from pipelines.corpus.notes import STYLES, Writer
from pipelines.corpus.scene import City, Person, Scene
from pipelines.corpus.synthesise import LABELS, frame

__all__ = [
    "LABELS",
    "STYLES",
    "City",
    "Diversity",
    "Material",
    "Person",
    "Scenario",
    "Scene",
    "Writer",
    "frame",
    "kappa",
    "load_material",
    "measure",
]
