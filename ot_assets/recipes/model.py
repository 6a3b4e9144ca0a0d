"""A recipe as frozen data, read from YAML and checked against the strategies when it is loaded.

Every mistake is a BadInput of one line: the file, the key in it, and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from ot_assets.contracts import DOMAINS, STAGES
from ot_assets.recipes import rules
from ot_assets.recipes.sources import SourceSpec, check_files, read_benchmark, read_source
from ot_assets.strategies import registry
from ot_resources.interfaces import BadInput

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Choice:
    """One choice: a strategy with its parameters at one stage of a track. `asset` is the name of its table."""

    stage: str
    use: str
    asset: str
    params: dict[str, Any]
    where: str
    tables: dict[str, tuple[SourceSpec, ...]] = field(default_factory=dict)

    @property
    def strategy(self) -> registry.Strategy:
        return registry.find(self.stage, self.use, self.where)


@dataclass(frozen=True)
class Track:
    """An ordered list of choices; the sources come first."""

    name: str
    sources: tuple[SourceSpec, ...]
    choices: tuple[Choice, ...]


class DatasetSpec(BaseModel):
    """What is released: rows by domain at full size (or all), and the share of spare questions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Literal["all"] | dict[str, int] = "all"
    spare: Fraction = Fraction(0)

    @field_validator("spare", mode="before")
    @classmethod
    def _percent(cls, value: Any) -> Any:
        text = str(value).strip()
        try:
            share = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except (ValueError, ZeroDivisionError):
            share = Fraction(-1)
        if share < 0:
            raise PydanticCustomError("share", "a share such as 5% or 0.05")
        return share


@dataclass(frozen=True)
class Recipe:
    """A recipe with all its choices resolved and checked."""

    name: str
    description: str
    file: Path
    format: Choice
    tracks: tuple[Track, ...]
    dataset: DatasetSpec
    scale: dict[str, float]
    owners: tuple[str, ...]

    def choices(self) -> Iterator[tuple[str, Choice]]:
        """(track, choice) for every choice, the format of each track included."""
        for track in self.tracks:
            yield from ((track.name, choice) for choice in track.choices)

    def outside(self) -> Iterator[SourceSpec]:
        """Every source and benchmark that the recipe reads."""
        for track in self.tracks:
            yield from track.sources
            for choice in track.choices:
                yield from (spec for specs in choice.tables.values() for spec in specs)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str = ""
    format: str | dict[str, Any] = "think"
    tracks: dict[str, list[dict[str, Any]]]
    dataset: DatasetSpec = DatasetSpec()
    scale: dict[Literal["local", "gpu", "cluster"], PositiveFloat] = {}
    owners: list[str] = []


def load_recipe(file: str | Path, look: bool = True) -> Recipe:
    """The recipe in a YAML file. BadInput for anything that can be known to be wrong before a run.

    Without `look`, the files that it reads are not looked at: one that has vanished is then found when it is read.
    """
    path = Path(file)
    raw = _read_yaml(path)
    try:
        parsed = _File.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("literal", "dict")))
        raise BadInput(f"{path.name}: {key}: {_pydantic_message(first)}") from None
    for kind, name in (("name", parsed.name), *(("tracks", track) for track in parsed.tracks)):
        if not _NAME.fullmatch(name):
            raise BadInput(f"{path.name}: {kind}: '{name}' must be lower case letters, digits and '_'")
    rules.check_taken(path.name, parsed.name, list(parsed.tracks))
    if not parsed.tracks:
        raise BadInput(f"{path.name}: tracks: give at least one track")
    tracks = tuple(_track(path, name, items, parsed.format) for name, items in parsed.tracks.items())
    recipe = Recipe(
        name=parsed.name,
        description=parsed.description.strip(),
        file=path,
        format=_format_choice(path, parsed.format, "format"),
        tracks=tracks,
        dataset=parsed.dataset,
        scale={str(name): scale for name, scale in parsed.scale.items()},
        owners=tuple(parsed.owners),
    )
    rules.check_recipe(recipe)
    if look:
        for spec in recipe.outside():
            check_files(spec)
    return recipe


def _read_yaml(path: Path) -> Any:
    if not path.is_file():
        raise BadInput(f"no recipe file at {path}")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name}: not text in UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise BadInput(f"{path.name}: not a recipe: nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadInput(
            f"{path.name}{line}: not valid YAML: {getattr(error, 'problem', None) or 'cannot be read'}"
        ) from None
    if not isinstance(raw, dict):
        raise BadInput(f"{path.name}: a recipe is a mapping with name, tracks and dataset")
    return raw


def _track(path: Path, name: str, items: list[dict[str, Any]], format_: str | dict[str, Any]) -> Track:
    where = f"{path.name}: tracks.{name}"
    stages = [_stage_item(item, f"{where}[{index}]") for index, item in enumerate(items)]
    if not stages or stages[0][0] != "sources":
        raise BadInput(f"{where}: the first stage must be 'sources'")
    if any(stage == "sources" for stage, _ in stages[1:]):
        raise BadInput(f"{where}: 'sources' can only be the first stage of a track")
    default = name if name in DOMAINS else None
    sources = _sources(path, stages[0][1], f"{where}[0].sources", default)
    choices: list[Choice] = []
    for index, (stage, body) in enumerate(stages[1:], start=1):
        if stage == "format":
            raise BadInput(f"{where}[{index}]: 'format' is set once for the recipe, beside 'tracks'")
        choices.append(_choice(path, stage, body, f"{where}[{index}].{stage}"))
    if not any(choice.stage == "answers" for choice in choices):
        raise BadInput(f"{where}: no 'answers' stage: add 'answers: {{use: teacher}}' or 'answers: {{use: imported}}'")
    choices.append(_format_choice(path, format_, "format"))
    rules.check_assets(choices, where)
    rules.check_order(choices, where)
    rules.check_columns(choices)
    rules.check_mix(choices, sources)
    return Track(name, sources, tuple(choices))


def _stage_item(item: dict[str, Any], where: str) -> tuple[str, Any]:
    if not isinstance(item, dict) or len(item) != 1:
        raise BadInput(f"{where}: each item names one stage, as in '- dedup: {{use: exact}}'")
    ((stage, body),) = item.items()
    if stage not in STAGES:
        registry.find(stage, "", where)
    return stage, body


def _sources(path: Path, body: Any, where: str, default_domain: str | None) -> tuple[SourceSpec, ...]:
    if not isinstance(body, list) or not body:
        raise BadInput(f"{where}: a list of sources, as in '[openmath_2_math, {{use: files, path: my.parquet, ...}}]'")
    specs = tuple(
        read_source(item, path.parent, f"{where}[{index}]", default_domain) for index, item in enumerate(body)
    )
    ids = [spec.id for spec in specs]
    for name in ids:
        if ids.count(name) > 1:
            raise BadInput(f"{where}: source '{name}' is named twice; give one of them another 'id'")
    return specs


def _choice(path: Path, stage: str, body: Any, where: str) -> Choice:
    if isinstance(body, str):
        body = {"use": body}
    if not isinstance(body, dict) or not isinstance(body.get("use"), str):
        raise BadInput(f"{where}: 'use' must name a strategy, as in '{{use: exact}}'")
    params = {key: value for key, value in body.items() if key not in ("use", "as")}
    asset = body.get("as", STAGES[stage].asset)
    if not isinstance(asset, str) or not _NAME.fullmatch(asset):
        raise BadInput(f"{where}: 'as': '{asset}' must be lower case letters, digits and '_'")
    strategy = registry.find(stage, body["use"], where)
    checked = strategy.check(params, where)
    tables = {
        name: tuple(read_benchmark(item, path.parent, f"{where}.{name}") for item in _as_list(checked.pop(name)))
        for name in sorted(strategy.tables)
    }
    return Choice(stage, body["use"], asset, checked, where, tables)


def _format_choice(path: Path, body: str | dict[str, Any], where: str) -> Choice:
    return _choice(path, "format", body, f"{path.name}: {where}")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pydantic_message(error: Any) -> str:
    kind, message = error["type"], error["msg"].lower()
    if kind == "extra_forbidden":
        model = DatasetSpec if error["loc"][0] == "dataset" else _File
        return f"unknown key; there is: {', '.join(model.model_fields)}"
    if error["loc"][:2] == ("dataset", "rows"):
        return "rows are 'all', or a whole number for each domain, as in {math: 8000}"
    return "this key is missing" if kind == "missing" else message
