"""The tables that a study needs: those of its recipe up to the fork, and of each variant from there on.

<recipe>/<track>/<the table before the fork> -> <study>/<variant>/<asset> -> ... -> <study>/<variant>/formatted
-> <study>/<variant>/cell -> student -> scores, of all variants -> <study>/scoreboard
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ot_assets.ablations.model import CELL, SCOREBOARD, SCORES, Study, Variant
from ot_assets.contracts import STUDY_STAGES
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import (
    Key,
    Node,
    chosen_node,
    earlier_node,
    plan,
    share,
    source_node,
    track_nodes,
    with_upstream,
)
from ot_assets.strategies import registry

# The table that the steps belong to which only some variants have, such as the writing of questions.
QUESTIONS = "questions"


@dataclass(frozen=True)
class StudyPlan:
    """The nodes of a study, each after those it reads: shared ones, each variant's own, and the last one.

    The scoreboard here reads every variant; when it is made, those that have scores (`graph/standing.py`).
    """

    study: Study
    base: tuple[Node, ...]
    variants: dict[str, tuple[Node, ...]]
    scoreboard: Node

    def nodes(self, variant: str) -> tuple[Node, ...]:
        """All that a variant's scores hang on, and only that."""
        every = {node.key: node for node in (*self.base, *self.variants[variant])}
        needed = with_upstream([self.variants[variant][-1].key], every)
        return tuple(node for key, node in every.items() if key in needed)


def plan_study(study: Study, planned: dict[str, tuple[Node, ...]] | None = None) -> StudyPlan:
    """All nodes of a study. `planned` are recipes' nodes by name, so that no recipe is planned twice."""
    planned = {} if planned is None else planned
    variants = {name: tuple(_variant_nodes(study, variant)) for name, variant in study.variants.items()}
    there = _there(study, planned)
    wanted = {key for nodes in variants.values() for node in nodes for key in node.upstream if key[0] != study.name}
    needed = with_upstream(wanted, there)
    base = tuple(node for key, node in there.items() if key in needed)
    return StudyPlan(study, base, variants, _scoreboard(study))


def steps(nodes: tuple[Node, ...]) -> dict[str, list[Node]]:
    """A variant's nodes by the asset that makes them: what makes a source of its own goes with the questions."""
    own = {node.key for node in nodes}
    found: dict[str, list[Node]] = {}
    waiting: list[Node] = []
    for node in nodes:
        waiting.append(node)
        # Sources of its own are read by the node that joins them, and by nothing else.
        if node.stage == "sources" and node.key[-1] != QUESTIONS and node.key in own:
            continue
        found[node.key[-1]] = waiting
        waiting = []
    return found


def _there(study: Study, planned: dict[str, tuple[Node, ...]]) -> dict[Key, Node]:
    """Every table that a variant may read and that is not its own."""
    nodes: dict[Key, Node] = {}
    for node in _planned(study.recipe, planned):
        share(nodes, node)
    for track in study.derived.tracks:
        compared = list(track.compared())
        for reused in (*track.reused(), *compared):
            for node in _planned(reused.recipe, planned):
                share(nodes, node)
        for node in (*map(source_node, track.outside()), *map(earlier_node, compared)):
            share(nodes, node)
    for variant in study.variants.values():
        for tables in variant.scores.tables.values():
            for spec in tables:
                share(nodes, source_node(spec))  # type: ignore[arg-type]
    return nodes


def _planned(recipe: Recipe, planned: dict[str, tuple[Node, ...]]) -> tuple[Node, ...]:
    there = planned.get(recipe.name)
    if there is None or there[-1].recipe is not recipe:
        there = planned[recipe.name] = plan(recipe)
    return there


def _variant_nodes(study: Study, variant: Variant) -> Iterable[Node]:
    last: Key
    track = next(track for track in study.derived.tracks if track.name == variant.name)
    if variant.track is None:
        last = (study.recipe.name, "dataset")
    elif study.fork == 0:
        own = list(track_nodes(study.derived, track))
        yield from own
        last = own[-1].key
    else:
        before = track.choices[study.fork - 2].asset if study.fork > 1 else "questions"
        last = (study.recipe.name, study.domain or study.recipe.tracks[0].name, before)
        for choice in track.choices[study.fork - 1 :]:
            node = chosen_node(study.derived, track, choice, last)
            yield node
            last = node.key
    for choice in variant.own:
        node = chosen_node(study.derived, track, choice, last)
        # Looked at, so that no student learns what it is asked, and nothing that chooses is held out.
        yield replace(node, tables=_asked(variant)) if choice.stage == CELL else node
        last = node.key


def _asked(variant: Variant) -> dict[str, tuple[Key, ...]]:
    """The tables of what students are asked, by whether they may choose (`dev`) or not (`held_out`)."""
    asked = {table.id: table.key for tables in variant.scores.tables.values() for table in tables}
    held_out = variant.scores.params["held_out"]
    return {
        kind: keys
        for kind, apart in (("dev", False), ("held_out", True))
        if (keys := tuple(key for id_, key in asked.items() if (id_ in held_out) is apart))
    }


def _scoreboard(study: Study) -> Node:
    stage = STUDY_STAGES[SCOREBOARD]
    where = f"{study.file.name}: scoreboard"
    return Node(
        key=(study.name, SCOREBOARD),
        kind=stage.asset,
        stage=SCOREBOARD,
        strategy=registry.find(SCOREBOARD, "compare", where),
        params=study.comparison,
        contract=stage.contract,
        row_key=stage.key,
        counts=stage.counts,
        inputs=tuple((study.name, name, STUDY_STAGES[SCORES].asset) for name in study.variants),
        recipe=study.derived,
        where=where,
    )
