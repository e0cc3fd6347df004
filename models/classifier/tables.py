"""The look-up tables of a model: all that its fitted parts come to for one call, in a file that needs NumPy alone.

The file is NumPy's own `.npz`, written and read without pickle, so that it can hold numbers and nothing that runs. Its
member `layout` is JSON in UTF-8: the blocks of text with their settings, the categories, the numbers and the heads in
order. `terms.BLOCK` are the terms of a block in UTF-8, one a line, in the order of their rows; `idf.BLOCK` their inverse
document frequencies, where the block has them. `weights` has a row for each term, category and number in this order and a
column for each output of each head; the weights of categories and numbers are scaled as the encoder scales them.
`intercept.HEAD` and `curve.HEAD.N` are the arrays of `HeadTable`.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from models.classifier.features import CATEGORY_COLUMNS, NUMBER_COLUMNS, TEXT_COLUMNS
from models.classifier.heads import HEADS, HeadTable, Vector

TEXT_BLOCKS = {"signals": TEXT_COLUMNS[0], "words": TEXT_COLUMNS[1], "type_words": TEXT_COLUMNS[2]}
"""The blocks of text in the order of their rows, each with the column that it reads."""

MAX_UNPACKED = 2**28
"""The largest content of a file of tables when it is unpacked, in bytes."""

_METHODS = ("none", "temperature", "sigmoid", "isotonic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one block of text, in the order of their rows.

    `idf` has shape (terms,); without it a term counts as present or not. Terms are up to `longest` words long, counts are
    read as one plus their logarithm with `sublinear`, and values are scaled by `weight`.
    """

    terms: tuple[str, ...]
    idf: Vector | None
    longest: int
    sublinear: bool
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The tables of one model; `weights` has shape (features, outputs), rows and columns in the order of the fields."""

    blocks: Mapping[str, Terms]
    categories: tuple[tuple[str, str], ...]
    numbers: tuple[str, ...]
    heads: Mapping[str, HeadTable]
    weights: Vector

    def __post_init__(self) -> None:
        """Raise `ValueError` where names are not known or the numbers of rows and columns disagree."""
        known = set(self.blocks) <= set(TEXT_BLOCKS) and set(self.heads) <= set(HEADS)
        known = (
            known and self.numbers in {(), NUMBER_COLUMNS} and {name for name, _ in self.categories} <= set(CATEGORY_COLUMNS)
        )
        rows = sum(len(terms.terms) for terms in self.blocks.values()) + len(self.categories) + len(self.numbers)
        columns = sum(len(head.intercept) for head in self.heads.values())
        if not known or self.weights.shape != (rows, columns):
            raise ValueError("the tables do not fit together")


def to_bytes(tables: Tables) -> bytes:
    """Return tables as the content of a file; equal tables give equal bytes."""
    layout = {
        "blocks": [
            {"name": name, "longest": terms.longest, "sublinear": terms.sublinear, "weight": terms.weight}
            for name, terms in tables.blocks.items()
        ],
        "categories": [list(pair) for pair in tables.categories],
        "numbers": list(tables.numbers),
        "heads": [
            {"name": name, "classes": list(head.classes), "method": head.method, "curves": len(head.curves)}
            for name, head in tables.heads.items()
        ],
    }
    arrays: dict[str, NDArray[Any]] = {"layout": _letters(json.dumps(layout, ensure_ascii=False)), "weights": tables.weights}
    for name, terms in tables.blocks.items():
        arrays[f"terms.{name}"] = _letters("\n".join(terms.terms))
        arrays |= {} if terms.idf is None else {f"idf.{name}": terms.idf}
    for name, head in tables.heads.items():
        arrays[f"intercept.{name}"] = head.intercept
        arrays |= {f"curve.{name}.{number}": numbers for number, numbers in enumerate(head.curves)}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def from_bytes(raw: bytes) -> Tables:
    """Return the tables in the content of a file; raise `ValueError` for anything that `to_bytes` did not write."""
    try:
        with ZipFile(io.BytesIO(raw)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
                raise ValueError("the tables unpack to too much")
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            return _read(dict(arrays))
    except (BadZipFile, KeyError, TypeError, IndexError, EOFError, AttributeError) as error:
        raise ValueError(f"the tables cannot be read: {type(error).__name__}") from None


def _read(arrays: Mapping[str, NDArray[Any]]) -> Tables:
    """Return the tables in the arrays of a file."""
    layout = json.loads(_text(arrays["layout"]))
    return Tables(
        blocks=dict(_blocks(layout["blocks"], arrays)),
        categories=tuple((str(column), str(value)) for column, value in layout["categories"]),
        numbers=tuple(map(str, layout["numbers"])),
        heads=dict(_heads(layout["heads"], arrays)),
        weights=_floats(arrays["weights"], dimensions=2),
    )


def _blocks(entries: list[dict[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, Terms]]:
    """Yield each block of text by its name."""
    for entry in entries:
        name, text = str(entry["name"]), _text(arrays[f"terms.{entry['name']}"])
        idf = arrays.get(f"idf.{name}")
        terms = tuple(text.split("\n")) if text else ()
        if idf is not None and idf.shape != (len(terms),):
            raise ValueError("a block has not one frequency a term")
        yield (
            name,
            Terms(
                terms=terms,
                idf=None if idf is None else _floats(idf, dimensions=1),
                longest=int(entry["longest"]),
                sublinear=bool(entry["sublinear"]),
                weight=float(entry["weight"]),
            ),
        )


def _heads(entries: list[dict[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, HeadTable]]:
    """Yield each head by its name."""
    for entry in entries:
        name, method = str(entry["name"]), str(entry["method"])
        if method not in _METHODS:
            raise ValueError("a head is calibrated by an unknown method")
        curves = (_floats(arrays[f"curve.{name}.{number}"]) for number in range(int(entry["curves"])))
        intercept = _floats(arrays[f"intercept.{name}"], dimensions=1)
        yield (
            name,
            HeadTable(classes=tuple(map(str, entry["classes"])), intercept=intercept, method=method, curves=tuple(curves)),
        )


def _floats(array: NDArray[Any], *, dimensions: int | None = None) -> Vector:
    """Return an array of finite double numbers as it is; raise `ValueError` for any other."""
    fits = dimensions is None or array.ndim == dimensions
    if array.dtype != np.float64 or not fits or not np.isfinite(array).all():
        raise ValueError("an array of the tables is not one of finite numbers")
    return array


def _letters(text: str) -> NDArray[np.uint8]:
    """Return text as an array of its bytes in UTF-8."""
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)


def _text(array: NDArray[Any]) -> str:
    """Return the text in an array of bytes."""
    return array.astype(np.uint8, casting="no").tobytes().decode("utf-8")
