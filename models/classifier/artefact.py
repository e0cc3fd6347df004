"""The fitted parts as a skops file: written to the same bytes each time, read back under an allow-list of types.

Needed where a model is made or proved, and nowhere else. The allow-list lives here and never in the artefact.
"""

import io
import re
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import skops.io

from models.classifier.encoder import Parts
from models.errors import BundleError

MAX_UNPACKED = 2**30
"""The largest content of a model file when it is unpacked, in bytes."""

ALLOWED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
)
"""Types beyond scikit-learn's public ones, which skops trusts by itself, that an artefact may hold."""


def to_bytes(parts: Parts) -> bytes:
    """Return fitted parts as the content of a skops file; equal models give equal bytes."""
    return _canonical(skops.io.dumps(parts))


def from_bytes(raw: bytes, *, where: Path) -> Parts:
    """Return the fitted parts in the content of a skops file that lies `where`.

    Raises
    ------
    BundleError
        It unpacks to too much, or holds a type that is not allowed.

    """
    with ZipFile(io.BytesIO(raw)) as packed:
        if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
            raise BundleError("model file unpacks to too much", value=str(where), remedy="do not use this file")
    foreign = sorted(set(skops.io.get_untrusted_types(data=raw)) - set(ALLOWED_TYPES))
    if foreign:
        raise BundleError("model file holds a type that is not allowed", value=foreign[0], remedy="do not use this file")
    parts: Parts = skops.io.loads(raw, trusted=list(ALLOWED_TYPES))
    return parts


def _canonical(raw: bytes) -> bytes:
    """Rewrite a skops file so that equal models give equal bytes: numbers for memory addresses, one date, one order."""
    with ZipFile(io.BytesIO(raw)) as packed:
        schema = packed.read("schema.json").decode("utf-8")
        order: dict[str, str] = {}
        for address in re.findall(r'"__id__": (\d+)', schema):
            order.setdefault(address, str(len(order) + 1))
        schema = re.sub(r'"__id__": (\d+)', lambda match: f'"__id__": {order[match.group(1)]}', schema)
        # A vectoriser remembers where its list of stop words lay, which nothing reads again.
        schema = re.sub(r'("_stop_words_id": \{[^}]*?"content": )"\d+"', r'\1"0"', schema)
        names = {name: order.get(Path(name).stem, Path(name).stem) + Path(name).suffix for name in packed.namelist()}
        schema = re.sub(r'"file": "([^"]+)"', lambda match: f'"file": "{names[match.group(1)]}"', schema)
        contents = {names[name]: packed.read(name) for name in packed.namelist() if name != "schema.json"}
    rewritten = io.BytesIO()
    with ZipFile(rewritten, "w", compression=ZIP_DEFLATED) as file:
        for name, content in sorted({**contents, "schema.json": schema.encode("utf-8")}.items()):
            file.writestr(ZipInfo(name), content, compress_type=ZIP_DEFLATED)
    return rewritten.getvalue()
