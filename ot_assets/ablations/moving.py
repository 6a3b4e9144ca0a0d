"""Choices out of a file in one folder, as they are written in one in another: the same files, and the same ids."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ot_assets.contracts import DOMAINS
from ot_assets.recipes.finding import file_of, recipe_files
from ot_assets.recipes.sources import read_source


def moved(value: Any, base: Path, folder: Path | None) -> Any:
    """A body of a file in `base` as it is written in one in `folder`: the same files, and the same ids for them."""
    if isinstance(value, list):
        return [moved(inner, base, folder) for inner in value]
    if not isinstance(value, dict):
        return value
    value = {key: moved(inner, base, folder) for key, inner in value.items()}
    if isinstance(value.get("path"), str) and value.get("use", "files") == "files":
        # An id that was made of the path as it was written stays what it is.
        value = {"id": _id(value, base)} | value | {"path": _at(base / value["path"], folder)}
    if isinstance(value.get("recipe"), str) and set(value) <= {"recipe", "id", "rows", "domain"}:
        file = file_of(value["recipe"], base, "recipe").resolve()
        known = Path(value["recipe"]).suffix == "" and file in {other.resolve() for other in recipe_files()}
        value["recipe"] = value["recipe"] if known else _at(file, folder)
    return value


def _id(entry: dict[str, Any], base: Path) -> str:
    if isinstance(entry.get("id"), str):
        return str(entry["id"])
    return read_source(entry, base, "recipe", DOMAINS[0]).id


def _at(file: Path, folder: Path | None) -> str:
    path = Path(os.path.abspath(file))  # noqa: PTH100 - without following links: they may change
    if folder is None:
        return str(path)
    below = Path(os.path.abspath(folder))  # noqa: PTH100
    return str(path.relative_to(below)) if path.is_relative_to(below) else str(path)
