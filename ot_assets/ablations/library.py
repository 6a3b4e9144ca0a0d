"""The studies that are there: those beside this file, and those of the folder OT_STUDIES."""

from __future__ import annotations

from pathlib import Path

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.model import Study
from ot_assets.recipes.finding import files_in, name_in, recipe_files
from ot_assets.recipes.loading import read_yaml
from ot_assets.recipes.model import Recipe
from ot_resources.interfaces import BadInput


def study_files() -> list[Path]:
    """The YAML files of the project's studies and of the user's folder."""
    ours = sorted(Path(__file__).parent.glob("*.yaml"))
    # The recipe that a study forks may lie beside it.
    return ours + [file for file in files_in("OT_STUDIES") if not _has(file, "tracks")]


def _has(file: Path, *keys: str) -> bool:
    """Whether a file has one of the keys; a broken one is told when it is loaded, and breaks nobody else's run."""
    try:
        return not read_yaml(file).keys().isdisjoint(keys)
    except BadInput:
        return False


def studies(recipes: list[Recipe]) -> list[Study]:
    """All studies, by name; those of `recipes` that they fork are not read again.

    BadInput when two share a name, or one has that of a recipe.
    """
    loaded = {recipe.file.resolve(): recipe for recipe in recipes}
    names = {recipe.name: recipe.file for recipe in recipes}
    found: dict[str, Study] = {}
    for file in study_files():
        study = load_study(file, look=False, loaded=loaded)
        if study.name in names:
            raise BadInput(f"{file}: name: '{study.name}' is also the name of {names[study.name]}; rename one")
        names[study.name] = file
        found[study.name] = study
    return [found[name] for name in sorted(found)]


def is_study(name: str) -> bool:
    """Whether a name, or a file, is that of a study."""
    if Path(name).suffix in (".yaml", ".yml"):
        raw = read_yaml(Path(name)) if Path(name).is_file() else {}
        return "variants" in raw or ("recipe" in raw and "tracks" not in raw)
    return name in {name_in(file) for file in study_files()}


def find_study(name: str) -> Study:
    """A study by its name, or by the path of its file.

    BadInput: there is none, or another study or recipe has its name: the tables of one would become the other's.
    """
    if Path(name).suffix in (".yaml", ".yml"):
        study = load_study(name)
        _check_alone(study.name, study.file)
        return study
    files = {name_in(file): file for file in study_files()}
    if name not in files:
        raise BadInput(f"no study '{name}'; there is: {', '.join(sorted(files)) or 'none'}, or a path to a .yaml file")
    _check_alone(name, files[name])
    return load_study(files[name])


def name_of(name: str) -> str:
    """The name of a study that is given by its name, or by the path of its file."""
    return find_study(name).name if Path(name).suffix in (".yaml", ".yml") else name


def _check_alone(name: str, file: Path) -> None:
    beside = [other for other in sorted(file.parent.glob("*.y*ml")) if _has(other, "tracks", "variants")]
    for other in (*recipe_files(), *study_files(), *beside):
        if name_in(other) == name and other.resolve() != file.resolve():
            raise BadInput(f"{file}: name: '{name}' is also the name of {other}; rename one")
