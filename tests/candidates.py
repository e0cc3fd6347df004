"""Stores in which candidates are registered beside the first champion."""

import shutil
import sqlite3
from dataclasses import replace

from models.classifier import bundle as bundles
from pipelines.data.file_digest import file_sha256
from pipelines.training.provenance import git_state
from pipelines.training.tracking import Store


def copy_of(runs, folder, config):
    """Return a copy of a store: MLflow keeps absolute paths, which then name the copy."""
    copied = shutil.copytree(runs, folder)
    with sqlite3.connect(copied / "mlflow.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for column in [row[1] for row in database.execute(f"PRAGMA table_info({table})") if "CHAR" in row[2].upper()]:
                database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(runs), str(copied)))  # noqa: S608
    return Store(copied, config)


def register(store, corpus, folder, evaluation):
    """Register a bundle as the candidate."""
    tags = git_state() | {"data_path": str(corpus), "data_sha256": file_sha256(corpus)}
    return store.log(folder, evaluation, program="durham-heart", tags=tags)


def altered(store, folder, *, point=None, parts=None):
    """Write the champion's model with another operating point or other parts into a folder; return the folder."""
    loaded = bundles.load(store.root / "champion")
    bundles.save(
        folder,
        parts or bundles.load_parts(store.root / "champion"),
        replace(loaded.operating_point, **(point or {})),
        risks=loaded.risks,
        training=loaded.manifest["training"],
        golden=[entry["features"] for entry in loaded.manifest["golden"]],
    )
    return folder


def another(store, folder):
    """Write the champion's model with a slightly higher threshold, and so another digest, into a folder."""
    eligible_at = bundles.load(store.root / "champion").operating_point.eligible_at
    return altered(store, folder, point={"eligible_at": eligible_at + 1e-6})
