"""The files of recipes: the project's own, those of the folder OT_RECIPES, and the names that they give themselves."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from ot_assets.recipes.yaml_text import parse
from ot_resources.interfaces import BadInput


def recipe_files() -> list[Path]:
    """The YAML files of the project's recipes and of the user's folder."""
    return [*sorted(Path(__file__).parent.glob("*.yaml")), *files_in("OT_RECIPES")]


def files_in(variable: str) -> list[Path]:
    """The YAML files of the folder that an environment variable names; none where it is not set."""
    folder = os.environ.get(variable)
    if not folder:
        return []
    if not Path(folder).is_dir():
        raise BadInput(f"{variable}={folder}: no such folder")
    return sorted(path for path in Path(folder).iterdir() if path.suffix in (".yaml", ".yml"))


def file_of(name: str, base: Path, where: str) -> Path:
    """The file of the recipe that another one builds on: a name, or a path beside that other one."""
    if Path(name).suffix in (".yaml", ".yml"):
        return base / name
    files = dict.fromkeys(file.resolve() for file in (*sorted(base.glob("*.yaml")), *recipe_files()))
    names = {name_in(file): file for file in files}
    if name not in names:
        raise BadInput(f"{where}: no recipe '{name}'; there is: {', '.join(sorted(names))}, or a path to a .yaml file")
    return names[name]


def name_in(file: Path) -> str:
    """The name that a recipe file gives itself; a broken file goes by its own, and breaks nobody else's run."""
    if not file.is_file():
        return file.stem
    try:
        raw = parse(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError, RecursionError):
        raw = None
    return str(raw.get("name", file.stem)) if isinstance(raw, dict) else file.stem
