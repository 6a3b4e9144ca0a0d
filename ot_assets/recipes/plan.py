"""The tables that a recipe needs, in the order of its choices: one node an asset.

sources/<id> -> <recipe>/<track>/questions -> ... -> <recipe>/<track>/formatted -> <recipe>/dataset, <recipe>/metadata
benchmarks/<id> -> <recipe>/<track>/decontaminated, <recipe>/dataset
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ot_assets.contracts import CONVERSATION, QUESTION, STAGES, Schema
from ot_assets.recipes.model import Choice, Recipe, Track
from ot_assets.recipes.sources import SourceSpec
from ot_assets.strategies import registry
from ot_resources.digest import short_hash
from ot_resources.interfaces import BadInput

Key = tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """One table: the choice that makes it and the tables it is made from.

    `kind` is its folder in the store, shared between recipes. `inputs` are concatenated into the strategy's frame;
    `tables` are those of its table parameters. `rules`, of a dataset, are the decontamination choices of its tracks.
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
        for spec in (*track.sources, *_benchmarks(track.choices)):
            _share(nodes, _outside(spec))
        for node in _track_nodes(recipe, track):
            nodes[node.key] = node
    for node in _dataset_nodes(recipe):
        nodes[node.key] = node
    return tuple(nodes.values())


def plan_all(recipes: Iterable[Recipe]) -> dict[Key, Node]:
    """The nodes of several recipes; sources and benchmarks of the same name are shared."""
    nodes: dict[Key, Node] = {}
    for recipe in recipes:
        for node in plan(recipe):
            _share(nodes, node)
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


def _share(nodes: dict[Key, Node], node: Node) -> None:
    """Add a node. A source that is there already is shared; BadInput when its id is that of another table."""
    there = nodes.setdefault(node.key, node)
    ours, theirs = node.source, there.source
    if (
        ours
        and theirs
        and (ours.params(False), ours.params(True), ours.path)
        != (theirs.params(False), theirs.params(True), theirs.path)
    ):
        raise BadInput(
            f"{node.where}: the id '{ours.id}' is also that of another table or mapping ({there.where});"
            " give one another 'id'"
        )


def _outside(spec: SourceSpec) -> Node:
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


def _track_nodes(recipe: Recipe, track: Track) -> Iterable[Node]:
    where = f"{recipe.file.name}: tracks.{track.name}"
    last = (recipe.name, track.name, "questions")
    yield Node(
        key=last,
        kind="questions",
        stage="sources",
        strategy=registry.find("sources", "union", where),
        params={},
        contract=QUESTION,
        row_key=("question_id",),
        counts="filter",
        inputs=tuple(spec.key for spec in track.sources),
        recipe=recipe,
        track=track.name,
        where=where,
    )
    for choice in track.choices:
        stage = STAGES[choice.stage]
        key = (recipe.name, track.name, choice.asset)
        yield Node(
            key=key,
            kind=stage.asset,
            stage=choice.stage,
            strategy=choice.strategy,
            params=choice.params,
            contract=stage.contract,
            row_key=stage.key,
            counts=stage.counts,
            inputs=(last,),
            tables={name: tuple(spec.key for spec in specs) for name, specs in choice.tables.items()},
            recipe=recipe,
            track=track.name,
            where=choice.where,
        )
        last = key


def _dataset_nodes(recipe: Recipe) -> Iterable[Node]:
    where = f"{recipe.file.name}: dataset"
    order = list(recipe.dataset.rows) if isinstance(recipe.dataset.rows, dict) else []
    tracks = sorted(recipe.tracks, key=lambda track: _rank(track, order))
    formatted = tuple((recipe.name, track.name, track.choices[-1].asset) for track in tracks)
    rules = {
        track.name: tuple(choice for choice in track.choices if choice.stage == "decontaminate" and choice.tables)
        for track in tracks
    }
    benchmarks = [spec.key for choices in rules.values() for spec in _benchmarks(choices)]
    dataset = (recipe.name, "dataset")
    yield Node(
        key=dataset,
        kind="dataset",
        stage="dataset",
        strategy=registry.find("dataset", "release", where),
        params={
            "rows": None if recipe.dataset.rows == "all" else dict(recipe.dataset.rows),
            "columns": list(recipe.format.strategy.publishes),
        },
        contract={"row_id": CONVERSATION["row_id"]},
        row_key=("row_id",),
        counts="filter",
        inputs=formatted,
        tables={"rules": tuple(dict.fromkeys(benchmarks))},
        recipe=recipe,
        rules=rules,
        where=where,
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
        tables={"released": (dataset,)},
        recipe=recipe,
        where=where,
    )


def _rank(track: Track, order: list[str]) -> int:
    """Tracks are released in the order of the dataset's quotas."""
    ranks = [order.index(source.domain) for source in track.sources if source.domain in order]
    return min(ranks, default=len(order))


def _benchmarks(choices: Iterable[Choice]) -> list[SourceSpec]:
    return [spec for choice in choices for specs in choice.tables.values() for spec in specs]


def _scale(value: Any, factor: Fraction, spare: Fraction) -> Any:
    if isinstance(value, dict):
        return {key: _scale(inner, factor, spare) for key, inner in value.items()}
    if isinstance(value, list):
        return [_scale(inner, factor, spare) for inner in value]
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    # Half a row more or less does not matter, but no quota may vanish, and spare rows are never rounded away.
    rows = value * factor
    return max(1, math.ceil(rows * (1 + spare)) if spare else round(rows))
