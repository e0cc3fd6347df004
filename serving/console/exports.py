"""The calls of a period as a file: Parquet, or CSV that a spreadsheet cannot run as formulas."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def export(table: pd.DataFrame, kind: str) -> bytes:
    """Return the calls of a table as a `csv` or `parquet` file, one row each."""
    import pandas as pd  # noqa: PLC0415  60 MB that only the dashboard needs

    flat = table.assign(
        rules=table["rules"].map(" ".join).astype("string"), received_at=table["received_at"].astype("string")
    )
    if kind == "parquet":
        body = io.BytesIO()
        flat.to_parquet(body, index=False)
        return body.getvalue()
    texts = flat.select_dtypes(include=["string", "object"]).columns
    flat[texts] = flat[texts].map(_harmless)
    flags = flat.select_dtypes(include=["boolean"]).columns
    flat[flags] = flat[flags].astype("object").map(lambda flag: "" if pd.isna(flag) else str(bool(flag)).lower())
    return flat.to_csv(index=False).encode()


def _harmless(cell: object) -> object:
    """Return a cell, with a quote before a text that a spreadsheet would read as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
