"""The YAML file of a study: its keys, and what can be told to be wrong without knowing its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from ot_assets.ablations.model import VARIED
from ot_assets.recipes import rules
from ot_assets.recipes.loading import NAME, read_yaml
from ot_resources.interfaces import BadInput

# More than the UI shows side by side, and than any published study has.
_MOST_VARIANTS = 99
# Tables of every study: a variant of that name would hide one.
_TAKEN = frozenset({"scoreboard", "dataset", "metadata", "unverified"})


class StudyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str = ""
    source: str = ""
    recipe: str
    domain: str | None = None
    stage: str | list[str]
    common: dict[str, Any] = {}
    variants: dict[str, Any]
    baseline: str | None = None
    cell: dict[str, Any] = {}
    student: str | dict[str, Any] = "medium"
    seeds: list[int] = [0]
    benchmarks: str | dict[str, Any] = "openthoughts3"
    evaluation: dict[str, Any] = {}
    standard_error: Literal["questions", "questions_and_seeds"] = "questions_and_seeds"
    scale: dict[Literal["local", "gpu", "cluster"], PositiveFloat] = {}
    published: dict[str, dict[str, Any]] = {}
    owners: list[str] = []


def read_study(path: Path) -> StudyFile:
    """The file's content. BadInput names the key that is wrong, and what would be right."""
    raw = read_yaml(path, "study")
    try:
        parsed = StudyFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("literal", "dict")))
        said = {
            "extra_forbidden": f"unknown key; there is: {', '.join(StudyFile.model_fields)}",
            "missing": "this key is missing",
        }.get(first["type"], first["msg"].lower())
        raise BadInput(f"{path.name}: {key}: {said}") from None
    for kind, name in (("name", parsed.name), *(("variants", variant) for variant in parsed.variants)):
        if not NAME.fullmatch(str(name)):
            raise BadInput(
                f"{path.name}: {kind}: '{str(name)[:80]}' must be up to 80 lower case letters, digits and '_'"
            )
    rules.check_taken(path.name, parsed.name, [])
    for name in parsed.variants:
        if name in _TAKEN:
            raise BadInput(f"{path.name}: variants: '{name}' is the name of a table; choose another")
    if not 1 <= len(parsed.variants) <= _MOST_VARIANTS:
        raise BadInput(f"{path.name}: variants: {len(parsed.variants)}; a study has 1 to {_MOST_VARIANTS}")
    for key, names in (("baseline", [parsed.baseline] if parsed.baseline else []), ("published", parsed.published)):
        for name in names:
            if name not in parsed.variants:
                raise BadInput(
                    f"{path.name}: {key}: no variant '{name}'; there is: {', '.join(map(str, parsed.variants))}"
                )
    if not parsed.stage:
        raise BadInput(f"{path.name}: stage: name what the variants differ in: {', '.join(VARIED)}")
    if isinstance(parsed.stage, list) and (twice := [key for key in parsed.stage if parsed.stage.count(key) > 1]):
        raise BadInput(f"{path.name}: stage: '{twice[0]}' is named twice")
    if not parsed.seeds or len(set(parsed.seeds)) < len(parsed.seeds):
        raise BadInput(f"{path.name}: seeds: a list of different whole numbers, as in [0, 1]")
    return parsed
