"""Read a recipe from YAML and check it against the strategies.

Every mistake is a BadInput of one line: the file, the key in it, and what would be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, PositiveFloat, TypeAdapter, ValidationError

from ot_assets.contracts import DOMAINS, STAGES
from ot_assets.recipes import rules
from ot_assets.recipes.against import read_benchmarks
from ot_assets.recipes.because import Because, read_because
from ot_assets.recipes.finding import file_of
from ot_assets.recipes.model import Choice, DatasetSpec, Input, Published, Recipe, Reused, Track, Written
from ot_assets.recipes.sources import SourceSpec, catalogue, check_files, check_keys, read_source
from ot_assets.recipes.yaml_text import parse
from ot_assets.strategies import registry
from ot_resources.generators.budget import Budget
from ot_resources.interfaces import BadInput

NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
# What any choice may say beside the parameters of its strategy.
_OF_ANY_CHOICE = frozenset({"use", "as", "published", "model"})
_PUBLISHED: TypeAdapter[Published | None] = TypeAdapter(Published | None)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str = ""
    format: str | dict[str, Any] = "think"
    tracks: dict[str, list[dict[str, Any]]]
    dataset: DatasetSpec = DatasetSpec()
    scale: dict[Literal["local", "gpu", "cluster"], PositiveFloat] = {}
    owners: list[str] = []
    budget: dict[str, Any] = {}


def load_recipe(
    file: str | Path, look: bool = True, within: tuple[Path, ...] = (), loaded: dict[Path, Recipe] | None = None
) -> Recipe:
    """The recipe in a YAML file. BadInput for anything that can be known to be wrong before a run.

    Without `look`, the files that it reads are not looked at: one that has vanished is then found when it is read.
    `within` are the recipes that are being loaded and build on this one; `loaded` are those that were read on the way.
    """
    path = Path(file)
    loaded = {} if loaded is None else loaded
    if path.resolve() in loaded:
        return loaded[path.resolve()]
    if path.resolve() in within:
        told = " -> ".join(p.stem for p in (*within, path))
        raise BadInput(f"{path.name}: a recipe cannot build on itself: {told}")
    raw = read_yaml(path)
    try:
        parsed = _File.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("literal", "dict")))
        raise BadInput(f"{path.name}: {key}: {_pydantic_message(first)}") from None
    for kind, name in (("name", parsed.name), *(("tracks", track) for track in parsed.tracks)):
        if not NAME.fullmatch(name):
            raise BadInput(f"{path.name}: {kind}: '{name[:80]}' must be up to 80 lower case letters, digits and '_'")
    rules.check_taken(path.name, parsed.name, list(parsed.tracks))
    if not parsed.tracks:
        raise BadInput(f"{path.name}: tracks: give at least one track")
    reader = Reader(path, parsed.name, look, (*within, path.resolve()), loaded)
    tracks = tuple(reader.track(name, items, parsed.format) for name, items in parsed.tracks.items())
    recipe = Recipe(
        name=parsed.name,
        description=parsed.description.strip(),
        file=path,
        format=reader.format_choice(parsed.format, "format"),
        tracks=tracks,
        dataset=parsed.dataset,
        scale={str(name): scale for name, scale in parsed.scale.items()},
        owners=tuple(parsed.owners),
        budget=Budget.of(parsed.budget, f"{path.name}: budget"),
    )
    rules.check_recipe(recipe)
    if look:
        for spec in recipe.outside():
            check_files(spec)
    loaded[path.resolve()] = recipe
    return recipe


def read_yaml(path: Path, what: str = "recipe") -> dict[str, Any]:
    """The mapping in a file; BadInput where there is none. `what` the file is called in a message."""
    if not path.is_file():
        raise BadInput(f"no {what} file at {path}")
    try:
        raw = parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name}: not text in UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise BadInput(f"{path.name}: not a {what}: nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        said = getattr(error, "problem", None) or (str(error).splitlines() or ["cannot be read"])[0]
        raise BadInput(f"{path.name}{line}: not valid YAML: {said}") from None
    if not isinstance(raw, dict):
        keys = "name, tracks and dataset" if what == "recipe" else "name, recipe, stage and variants"
        raise BadInput(f"{path.name}: a {what} is a mapping with {keys}")
    return raw


@dataclass(frozen=True)
class Reader:
    """Reads tracks and choices of one file. Without `look`, the files that they name are not looked at."""

    path: Path
    name: str
    look: bool
    loading: tuple[Path, ...]
    loaded: dict[Path, Recipe]

    def track(self, name: str, items: list[dict[str, Any]], format_: str | dict[str, Any]) -> Track:
        where = f"{self.path.name}: tracks.{name}"
        stages = [_stage_item(item, f"{where}[{index}]") for index, item in enumerate(items)]
        whys = [_because(item, f"{where}[{index}]") for index, item in enumerate(items)]
        if not stages or stages[0][0] != "sources":
            raise BadInput(f"{where}: the first stage must be 'sources'")
        if any(stage == "sources" for stage, _ in stages[1:]):
            raise BadInput(f"{where}: 'sources' can only be the first stage of a track")
        default = name if name in DOMAINS else None
        sources = self.sources(stages[0][1], f"{where}[0].sources", default)
        choices: list[Choice] = []
        for index, (stage, body) in enumerate(stages[1:], start=1):
            if stage == "format":
                format_ = _own_format(format_, body, index == len(stages) - 1, f"{where}[{index}].format")
            else:
                choice = self.choice(stage, body, f"{where}[{index}].{stage}")
                choices.append(replace(choice, because=whys[index]))
        if not any(choice.stage == "answers" for choice in choices):
            raise BadInput(
                f"{where}: no 'answers' stage: add 'answers: {{use: teacher}}' or 'answers: {{use: imported}}'"
            )
        own, why = (f"tracks.{name}.format", whys[-1]) if stages[-1][0] == "format" else ("format", None)
        choices.append(replace(self.format_choice(format_, own), because=why))
        track = Track(name, sources, tuple(choices), whys[0])
        rules.check_track(track, where)
        return track

    def sources(self, body: Any, where: str, domain: str | None) -> tuple[Input, ...]:
        if not isinstance(body, list) or not body:
            raise BadInput(
                f"{where}: a list of sources, as in '[openmath_2_math, {{use: files, path: my.parquet, ...}}]'"
            )
        inputs = tuple(self._input(item, f"{where}[{index}]", domain) for index, item in enumerate(body))
        ids = [source.id for source in inputs]
        for name in ids:
            if ids.count(name) > 1:
                raise BadInput(f"{where}: source '{name}' is named twice; give one of them another 'id'")
        return inputs

    def _input(self, item: Any, where: str, domain: str | None) -> Input:
        if isinstance(item, dict) and "recipe" in item:
            return self._reused(item, where)
        if isinstance(item, dict) and "from" in item:
            return self._written(item, where, domain)
        return read_source(item, self.path.parent, where, domain)

    def _reused(self, item: dict[str, Any], where: str, compared: bool = False) -> Reused:
        """The dataset of another recipe. Without an id of its own it goes by the recipe's name; where questions are
        `compared` with it, with the part of it that is."""
        check_keys(item, {"recipe", "id", "rows", "domain"}, where)
        if not isinstance(item["recipe"], str):
            raise BadInput(f"{where}.recipe: the name of a recipe, or the path of its file")
        file = file_of(item["recipe"], self.path.parent, where)
        recipe = load_recipe(file, self.look, self.loading, self.loaded)
        if recipe.name == self.name:
            raise BadInput(f"{where}: the recipe in {file} has this one's own name, '{self.name}'; rename one")
        rows, domain = item.get("rows", "dataset"), item.get("domain")
        if rows not in ("dataset", "unverified"):
            raise BadInput(f"{where}.rows: {_shown(rows)}: 'dataset', or 'unverified' for the rows before selection")
        if rows == "unverified" and not recipe.dataset.unverified:
            raise BadInput(f"{where}.rows: {recipe.name} makes no unverified twin ('dataset: {{unverified: true}}')")
        if domain not in (None, *DOMAINS):
            raise BadInput(f"{where}.domain: {_shown(domain)} is no domain; there is: {', '.join(DOMAINS)}")
        parts = [domain, "unverified" if rows == "unverified" else None] if compared else []
        default = "_".join([recipe.name, *(part for part in parts if part)])
        name = _name(item.get("id", default), f"{where}.id")
        if compared and name in catalogue("benchmarks"):
            raise BadInput(f"{where}.id: '{name}' is the id of a benchmark of the catalogue; choose another")
        return Reused(name, recipe, rows, domain, where)

    def _written(self, item: dict[str, Any], where: str, domain: str | None) -> Written:
        check_keys(item, {"from", "write", "id"}, where)
        if "write" not in item or not isinstance(item.get("id"), str):
            raise BadInput(
                f"{where}: questions that a model writes need 'id', 'from' (a source) and 'write' (a strategy)"
            )
        name = _name(item["id"], f"{where}.id")
        body = item["write"] if isinstance(item["write"], dict) else {"use": item["write"]}
        for key in ("source", "as"):
            if key in body:
                raise BadInput(f"{where}.write: '{key}' cannot be set here; the source goes by its 'id'")
        if body.get("domain") not in (None, *DOMAINS):
            raise BadInput(f"{where}.write.domain: no such domain; there is: {', '.join(DOMAINS)}")
        choice = self.choice("sources", body | {"as": name, "source": name}, f"{where}.write")
        if "generator" not in choice.strategy.capabilities.values():
            raise BadInput(f"{where}.write: {choice.strategy.title} asks no model; name the source itself instead")
        return Written(name, read_source(item["from"], self.path.parent, f"{where}.from", domain), choice)

    def choice(self, stage: str, body: Any, where: str) -> Choice:
        if isinstance(body, str):
            body = {"use": body}
        if not isinstance(body, dict) or not isinstance(body.get("use"), str):
            raise BadInput(f"{where}: 'use' must name a strategy, as in '{{use: exact}}'")
        params = {key: value for key, value in body.items() if key not in _OF_ANY_CHOICE}
        asset = body.get("as", STAGES[stage].asset)
        _name(asset, f"{where}: 'as'")
        strategy = registry.find(stage, body["use"], where)
        checked = strategy.check(params, where)
        tables = {name: self.tables(stage, checked.pop(name), f"{where}.{name}") for name in sorted(strategy.tables)}
        model = body.get("model")
        if model is not None and (not isinstance(model, str) or "generator" not in strategy.capabilities.values()):
            raise BadInput(
                f"{where}: 'model' is the name of the model that answered in the release; {strategy.title} asks none"
            )
        return Choice(stage, body["use"], asset, checked, where, tables, _published(body, where), model=model)

    def format_choice(self, body: str | dict[str, Any], where: str) -> Choice:
        return self.choice("format", body, f"{self.path.name}: {where}")

    def tables(self, stage: str, value: Any, where: str) -> tuple[SourceSpec | Reused, ...]:
        """What a table parameter names. Questions are cleaned of benchmarks and of earlier datasets; what a filter
        learns from are questions like any others, whatever their domain."""
        items = value if isinstance(value, list) else [value]
        if not items:
            raise BadInput(f"{where}: give at least one id of the catalogue, or file")
        if stage != "decontaminate":
            return tuple(read_source(item, self.path.parent, where, DOMAINS[0]) for item in items)
        found: list[SourceSpec | Reused] = []
        for item in items:
            if isinstance(item, dict) and "recipe" in item:
                found.append(self._reused(item, where, compared=True))
            else:
                found += read_benchmarks(item, self.path.parent, where)
        return tuple(found)


def _shown(value: Any) -> str:
    """A value of a recipe in a message: what is no plain value by its kind only."""
    return repr(value)[:80] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadInput(f"{where}: {_shown(name)} must be up to 80 lower case letters, digits and '_'")
    return name


def _stage_item(item: dict[str, Any], where: str) -> tuple[str, Any]:
    """(stage, body) of one item; beside its stage it may say `because`."""
    named = {key: value for key, value in item.items() if key != "because"} if isinstance(item, dict) else {}
    if len(named) != 1:
        raise BadInput(
            f"{where}: each item names one stage, as in '- dedup: {{use: exact}}', and may say why ('because')"
        )
    ((stage, body),) = named.items()
    if stage not in STAGES:
        registry.find(stage, "", where)
    return stage, body


def _because(item: dict[str, Any], where: str) -> Because | None:
    return read_because(item["because"], f"{where}.because") if "because" in item else None


def _published(body: dict[str, Any], where: str) -> Published | None:
    given = body.get("published")
    try:
        published = _PUBLISHED.validate_python(None if isinstance(given, bool) else given)
    except ValidationError:
        published = None
    bands = list(published.values()) if isinstance(published, dict) else [published]
    if (published is None and given is not None) or any(isinstance(b, tuple) and b[0] > b[1] for b in bands):
        raise BadInput(
            f"{where}: 'published' is a number of rows, a band such as [1000, 1200], or either for each source"
        )
    return published


def _own_format(common: str | dict[str, Any], body: Any, last: bool, where: str) -> dict[str, Any]:
    """The recipe's format with a track's own parameters: all tracks share one format, so that their columns agree."""
    shared = {"use": common} if isinstance(common, str) else common
    if not isinstance(body, dict) or body.get("use", shared.get("use")) != shared.get("use") or not last:
        raise BadInput(
            f"{where}: the format is set once for the recipe, beside 'tracks'; a track may end with parameters of its"
            " own, as in '- format: {prefix: boxed}'"
        )
    return shared | body


def _pydantic_message(error: Any) -> str:
    kind, message = error["type"], error["msg"].lower()
    if kind == "extra_forbidden":
        model = DatasetSpec if error["loc"][0] == "dataset" else _File
        return f"unknown key; there is: {', '.join(model.model_fields)}"
    if error["loc"][:2] == ("dataset", "rows"):
        return "rows are 'all', or for each domain a whole number or 'all', as in {math: 8000, code: all}"
    return "this key is missing" if kind == "missing" else message
