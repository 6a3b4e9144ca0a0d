"""The tables that a recipe needs, in the order of its choices: one node an asset.

sources/<id> -> <recipe>/<track>/questions -> ... -> <recipe>/<track>/formatted -> <recipe>/dataset, <recipe>/metadata
benchmarks/<id> -> <recipe>/<track>/decontaminated, <recipe>/dataset (to be looked at once more)
<other recipe>/dataset -> benchmarks/<id> (its questions, to be compared with)
sources/<id> -> <recipe>/<track>/<id> (questions that a model writes from them) -> <recipe>/<track>/questions
<other recipe>/dataset -> <recipe>/<track>/<id> -> <recipe>/<track>/questions
<recipe>/<track>/<the rows before selection> -> <recipe>/<track>/unverified -> <recipe>/unverified
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ot_assets.contracts import CONVERSATION, QUESTION, STAGES, STUDY_STAGES, Schema
from ot_assets.recipes.because import Because
from ot_assets.recipes.model import Choice, Published, Recipe, Reused, Track, Written
from ot_assets.recipes.sources import SourceSpec
from ot_assets.strategies import registry
from ot_resources.digest import short_hash
from ot_resources.interfaces import BadInput

Key = tuple[str, ...]

# The table of each track, and of the recipe, that holds the rows before selection.
UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Node:
    """One table: the choice that makes it and the tables it is made from.

    `kind` is its folder in the store, shared between recipes. `inputs` are concatenated into the strategy's frame;
    `tables` are those of its table parameters. `rules`, of a dataset, are the decontamination choices of its tracks;
    a dataset reads what they compare with, to be looked at once more. `published` is how many rows the release had
    here, and `model` who answered; `teacher` is who answers instead of the environment's own (OT_TEACHERS).
    """

    key: Key
    kind: str
    stage: str
    strategy: registry.Strategy
    params: dict[str, Any]
    contract: Schema
    row_key: tuple[str, ...]
    counts: str
    inputs: tuple[Key, ...] = ()
    tables: dict[str, tuple[Key, ...]] = field(default_factory=dict)
    recipe: Recipe | None = None
    track: str | None = None
    source: SourceSpec | None = None
    rules: dict[str, tuple[Choice, ...]] = field(default_factory=dict)
    published: Published | None = None
    because: Because | None = None
    model: str | None = None
    teacher: str | None = None
    where: str = ""

    @property
    def name(self) -> str:
        return "/".join(self.key)

    @property
    def use(self) -> str:
        """The strategy as the recipe names it: a source goes by its id."""
        return self.source.use if self.source else self.strategy.name

    @property
    def upstream(self) -> tuple[Key, ...]:
        """Every table that this one reads, each once."""
        return tuple(dict.fromkeys([*self.inputs, *(key for keys in self.tables.values() for key in keys)]))

    @property
    def code_version(self) -> str:
        """What decides how the table is made, before any data is seen."""
        params = self.source.params(stand_in=False) if self.source else self.params
        if self.teacher:
            params = {**params, "teacher": self.teacher}
        return f"{self.strategy.title}@{self.strategy.version}+{short_hash(params)[:8]}"

    def scaled(self, environment: str, scale: float | None) -> dict[str, Any]:
        """The parameters at the run's size: those that count rows are multiplied by the scale."""
        factor = self.scale(environment, scale)
        spare = self.recipe.dataset.spare if self.recipe and self.stage == "sample" else Fraction(0)
        return {
            name: _scale(value, factor, spare) if name in self.strategy.scaled else value
            for name, value in self.params.items()
        }

    def scale(self, environment: str, scale: float | None) -> Fraction:
        """The run's scale: as asked, else the recipe's own for the environment, else 1."""
        if scale is not None:
            return Fraction(str(scale))
        return Fraction(str(self.recipe.scale.get(environment, 1))) if self.recipe else Fraction(1)


def plan(recipe: Recipe) -> tuple[Node, ...]:
    """All nodes of a recipe, sources and benchmarks included, every node after those it reads."""
    nodes: dict[Key, Node] = {}
    for track in recipe.tracks:
        compared = list(track.compared())
        for reused in (*track.reused(), *compared):
            there = nodes.get((reused.recipe.name, "dataset"))
            # One that is there already need not be planned again, as long as it is the same.
            if there is None or there.recipe is not reused.recipe:
                for node in plan(reused.recipe):
                    share(nodes, node)
        for node in (*map(source_node, track.outside()), *map(earlier_node, compared)):
            share(nodes, node)
        for node in track_nodes(recipe, track):
            share(nodes, node)
    for node in _dataset_nodes(recipe):
        share(nodes, node)
    return tuple(nodes.values())


def plan_all(recipes: Iterable[Recipe], planned: dict[str, tuple[Node, ...]] | None = None) -> dict[Key, Node]:
    """The nodes of several recipes; sources and benchmarks of the same name are shared. `planned` takes them too."""
    nodes: dict[Key, Node] = {}
    for recipe in recipes:
        own = plan(recipe)
        if planned is not None:
            planned[recipe.name] = own
        for node in own:
            share(nodes, node)
    return nodes


def with_upstream(keys: Iterable[Key], nodes: dict[Key, Node]) -> set[Key]:
    """The keys, and those of everything that their tables hang on."""
    waiting, found = list(keys), set[Key]()
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting.extend(nodes[key].upstream)
    return found


def share(nodes: dict[Key, Node], node: Node) -> None:
    """Add a node. A source that is there already is shared; BadInput when its id is that of another table."""
    there = nodes.setdefault(node.key, node)
    if node is there:
        return
    if node.recipe and there.recipe and node.recipe.file.resolve() != there.recipe.file.resolve():
        raise BadInput(
            f"{node.recipe.file}: name: '{node.recipe.name}' is also the name of {there.recipe.file}; rename one"
        )
    if node.recipe is None and _identity(node) != _identity(there):
        raise BadInput(
            f"{node.where}: the id '{node.key[-1]}' is also that of another table or mapping ({there.where});"
            " give one another 'id'"
        )


def _identity(node: Node) -> tuple[Any, ...]:
    """What a table that no recipe owns is read from, and how."""
    spec = node.source
    return (spec.params(False), spec.params(True), spec.path) if spec else (node.params, node.upstream)


def source_node(spec: SourceSpec) -> Node:
    """The node of a source, or of a benchmark."""
    return Node(
        key=spec.key,
        kind="source" if spec.kind == "sources" else "benchmark",
        stage="sources",
        strategy=registry.find("sources", "mapped", spec.where),
        params={},
        contract=QUESTION,
        row_key=("question_id",),
        counts="free",
        source=spec,
        where=spec.where,
    )


def track_nodes(recipe: Recipe, track: Track) -> Iterable[Node]:
    """The questions of a track, from its sources, and a table a choice."""
    where = f"{recipe.file.name}: tracks.{track.name}"
    inputs: list[Key] = []
    for source in track.sources:
        if isinstance(source, Written | Reused):
            node = _written(recipe, track, source) if isinstance(source, Written) else _reused(recipe, track, source)
            inputs.append(node.key)
            yield node
        else:
            inputs.append(source.key)
    last: Key = (recipe.name, track.name, "questions")
    yield Node(
        key=last,
        kind="questions",
        stage="sources",
        strategy=registry.find("sources", "union", where),
        params={},
        contract=QUESTION,
        row_key=("question_id",),
        counts="filter",
        inputs=tuple(inputs),
        recipe=recipe,
        track=track.name,
        because=track.because,
        where=where,
    )
    for choice in track.choices:
        node = chosen_node(recipe, track, choice, last)
        if recipe.dataset.unverified and choice is _first_selection(track):
            # The twin formats what the selection was given.
            yield chosen_node(recipe, track, replace(track.choices[-1], asset=UNVERIFIED), last)
        yield node
        last = node.key


def chosen_node(recipe: Recipe, track: Track, choice: Choice, last: Key) -> Node:
    """The table that a choice makes of the table `last`."""
    stage = (STAGES | STUDY_STAGES)[choice.stage]
    return Node(
        key=(recipe.name, track.name, choice.asset),
        kind=stage.asset,
        stage=choice.stage,
        strategy=choice.strategy,
        params=choice.params,
        contract=stage.contract,
        row_key=stage.key,
        counts=stage.counts,
        inputs=(last,),
        tables={name: tuple(dict.fromkeys(table.key for table in tables)) for name, tables in choice.tables.items()},
        recipe=recipe,
        track=track.name,
        published=choice.published,
        because=choice.because,
        model=choice.model,
        teacher=choice.teacher,
        where=choice.where,
    )


def _first_selection(track: Track) -> Choice:
    """The first stage that selects answers, or the format where there is none."""
    return next((c for c in track.choices if c.stage == "select"), track.choices[-1])


def _written(recipe: Recipe, track: Track, source: Written) -> Node:
    node = chosen_node(recipe, track, source.choice, source.source.key)
    return replace(node, kind="questions", counts="free")


def _reused(recipe: Recipe, track: Track, source: Reused) -> Node:
    return Node(
        key=(recipe.name, track.name, source.id),
        kind="questions",
        stage="sources",
        strategy=registry.find("sources", "released", source.where),
        params={"recipe": source.recipe.name, "domain": source.domain},
        contract=QUESTION,
        row_key=("question_id",),
        counts="free",
        inputs=_formatted(source),
        tables={"released": ((source.recipe.name, source.rows),)},
        recipe=recipe,
        track=track.name,
        where=source.where,
    )


def earlier_node(source: Reused) -> Node:
    """What questions are compared with belongs to no recipe: one table for all that compare."""
    return Node(
        key=source.key,
        kind="benchmark",
        stage="sources",
        strategy=registry.find("sources", "earlier", source.where),
        params={"dataset": source.id, "recipe": source.recipe.name, "domain": source.domain},
        contract=QUESTION,
        row_key=("question_id",),
        counts="free",
        inputs=_formatted(source),
        tables={"released": ((source.recipe.name, source.rows),)},
        where=source.where,
    )


def _formatted(source: Reused) -> tuple[Key, ...]:
    """The last tables of the other recipe's tracks, or those before selection."""
    base, twin = source.recipe, source.rows == "unverified"
    return tuple((base.name, track.name, UNVERIFIED if twin else track.choices[-1].asset) for track in base.tracks)


def _dataset_nodes(recipe: Recipe) -> Iterable[Node]:
    where = f"{recipe.file.name}: dataset"
    order = list(recipe.dataset.rows) if isinstance(recipe.dataset.rows, dict) else []
    tracks = sorted(recipe.tracks, key=lambda track: _rank(track, order))
    formatted = tuple((recipe.name, track.name, track.choices[-1].asset) for track in tracks)
    rules = {
        track.name: tuple(choice for choice in track.choices if choice.stage == "decontaminate" and choice.tables)
        for track in tracks
    }
    benchmarks = [key for choices in rules.values() for choice in choices for key in _compared(choice)]
    dataset = Node(
        key=(recipe.name, "dataset"),
        kind="dataset",
        stage="dataset",
        strategy=registry.find("dataset", "release", where),
        params={
            "rows": _quotas(recipe),
            "columns": list(recipe.format.strategy.publishes),
        },
        contract={"row_id": CONVERSATION["row_id"]},
        row_key=("row_id",),
        counts="filter",
        inputs=formatted,
        tables={"rules": tuple(dict.fromkeys(benchmarks))},
        recipe=recipe,
        rules=rules,
        published=recipe.dataset.published,
        where=where,
    )
    yield dataset
    if recipe.dataset.unverified:
        yield replace(
            dataset,
            key=(recipe.name, UNVERIFIED),
            params=dataset.params | {"rows": None},
            inputs=tuple((recipe.name, track.name, UNVERIFIED) for track in tracks),
            published=recipe.dataset.published_unverified,
        )
    yield Node(
        key=(recipe.name, "metadata"),
        kind="metadata",
        stage="dataset",
        strategy=registry.find("dataset", "metadata", where),
        params={},
        contract={"row_id": CONVERSATION["row_id"], "question_id": QUESTION["question_id"]},
        row_key=("row_id",),
        counts="free",
        inputs=formatted,
        tables={"released": (dataset.key,)},
        recipe=recipe,
        where=where,
    )


def _quotas(recipe: Recipe) -> dict[str, int | None] | None:
    """Rows by domain, None for all of them; None where the recipe asks for all of all."""
    rows = recipe.dataset.rows
    return None if rows == "all" else {domain: None if n == "all" else n for domain, n in rows.items()}


def _rank(track: Track, order: list[str]) -> int:
    """Tracks are released in the order of the dataset's quotas."""
    ranks = [order.index(domain) for source in track.sources if (domain := source.domain) in order]
    return min(ranks, default=len(order))


def _compared(choice: Choice) -> tuple[Key, ...]:
    return tuple(table.key for tables in choice.tables.values() for table in tables)


def _scale(value: Any, factor: Fraction, spare: Fraction) -> Any:
    if isinstance(value, dict):
        return _shares({name: rows for name, rows in value.items() if _counts(rows)}, factor, value)
    if isinstance(value, list):
        return [_scale(inner, factor, spare) for inner in value]
    if isinstance(value, float):  # money
        return float(Fraction(str(value)) * factor)
    if not _counts(value):
        return value
    # Half a row more or less does not matter, but no quota may vanish, and spare rows are never rounded away.
    rows = value * factor
    return max(1, math.ceil(rows * (1 + spare)) if spare else round(rows))


def _shares(rows: dict[str, int], factor: Fraction, value: dict[str, Any]) -> dict[str, Any]:
    """Every number at the run's size, by largest remainder: they add up to the scaled sum, and none falls below 1."""
    exact = {name: count * factor for name, count in rows.items()}
    shares = {name: math.floor(share) for name, share in exact.items()}
    left = round(sum(exact.values(), Fraction(0))) - sum(shares.values())
    for name in sorted(exact, key=lambda n: (shares[n] - exact[n], n))[:left]:
        shares[name] += 1
    return {name: max(1, shares[name]) if name in shares else inner for name, inner in value.items()}


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
