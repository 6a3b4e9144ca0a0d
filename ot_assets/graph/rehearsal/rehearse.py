"""Run a recipe's own strategies up to the last one that asks a model, with models that are not asked.

    tables that are there are used -> free stages run for real, in a scratch store -> a paid stage gets the ledger's
    answers, and stand-ins for those that are missing -> what follows sees about as many rows as it will see

A stage behind a stand-in asks about as much as it says. So the rehearsal is run again with little coming of the
answers and with much, and what it then asks is the range of its requests.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from ot_assets.contracts import VERDICT
from ot_assets.graph.checking import StageFailed
from ot_assets.graph.execute import execute
from ot_assets.graph.rehearsal.lengths import Lengths
from ot_assets.graph.rehearsal.model import Habits, RehearsedModel, Tally
from ot_assets.graph.rehearsal.overlay import Overlay
from ot_assets.graph.rehearsal.ranges import Range, exactly
from ot_assets.graph.rehearsal.scenario import EXPECTED, LITTLE, MUCH, Scenario
from ot_assets.graph.tools import Tools
from ot_assets.recipes.plan import Key, Node, with_upstream
from ot_assets.strategies.registry import Split
from ot_resources.generators import TEACHER_FOLDER
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.resource import LanguageModel
from ot_resources.interfaces import BadInput

ROWS_UNSURE = "rows hang on answers"
NOT_REACHED = "not reached"
_RIGHT = "right"


@dataclass(frozen=True)
class Asking:
    """What one stage will ask of one model. `made`: its table is there already, and nothing is asked.

    `why` says in words what is unsure; `failed` why the rehearsal did not come to this stage.
    """

    node: Node
    role: str
    model: str
    made: bool
    requests: Range
    reused: Range
    new: Range
    read: Range
    written: Range
    why: tuple[str, ...] = ()
    failed: str | None = None


@dataclass
class _Run:
    """One rehearsal: which tables were there, which hold or hang on stand-ins, and which could not be made."""

    scenario: Scenario
    models: dict[str, RehearsedModel]
    made: set[Key] = field(default_factory=set)
    unsure: set[Key] = field(default_factory=set)
    failed: dict[Key, str] = field(default_factory=dict)


def rehearse(
    nodes: Sequence[Node], tools: Tools, scratch: Path, say: Callable[[str], None] = lambda _: None
) -> list[Asking]:
    """What a run of the nodes would ask, a row a stage and model, in their order.

    `scratch` is an empty folder, to be thrown away. BadInput: the run would end with it before it asks anything.
    """
    paid = [node for node in nodes if _roles(node)]
    needed = with_upstream([node.key for node in paid], {node.key: node for node in nodes})
    order = [node for node in nodes if node.key in needed]
    ledger = Path(next((model.ledger for model in tools.models.values()), scratch))
    with closing(Ledger(ledger if (ledger / "segments").exists() else scratch / "ledger")) as opened:
        rehearsal = _Rehearsal(order, tools, scratch, opened, say)
        runs = [rehearsal.run(EXPECTED)]
        if any(_behind(node, runs[0]) or _asks_on(node, runs[0]) for node in paid):
            runs += [rehearsal.run(scenario) for scenario in (LITTLE, MUCH)]
        return [rehearsal.asking(node, role, runs) for node in paid for role in _roles(node)]


class _Rehearsal:
    """The nodes, and what is known of the models that they ask."""

    def __init__(
        self, nodes: list[Node], tools: Tools, scratch: Path, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        self._nodes = nodes
        self._tools = tools
        self._store = Overlay(root=str(scratch), beneath=tools.store.root)
        self._ledger = ledger
        self._say = say
        models = {_who(node, role): tools.model(node, role) for node in nodes for role in _roles(node)}
        self._identities = {who: model.identity for who, model in sorted(models.items())}
        self._lengths = {
            identity: Lengths(identity, _context(models[who]), ledger) for who, identity in self._identities.items()
        }
        self._accounts = ledger.accounts()

    def run(self, scenario: Scenario) -> _Run:
        asked: set[str] = set()
        habits = {node.name: self._habits(node, scenario) for node in self._nodes}
        models = {
            who: RehearsedModel(identity, self._lengths[identity], self._ledger, scenario, habits, asked)
            for who, identity in self._identities.items()
        }
        run = _Run(scenario, models)
        rehearsed: Any = models  # they stand where LanguageModel does
        tools = replace(
            self._tools,
            store=self._store,
            models=rehearsed,
            teachers=_Named(rehearsed),
            run_id=f"rehearsal-{scenario.name}",
        )
        for node in self._nodes:
            self._say(node.name)
            self._rehearse(node, tools, run, habits[node.name].right)
        return run

    def asking(self, node: Node, role: str, runs: list[_Run]) -> Asking:
        """What the rehearsals came to for one stage."""
        expected = runs[0]
        who = _who(node, role)
        model, lengths = self._identities[who], self._lengths[self._identities[who]]
        tallies = [run.models[who].tallies.get(node.name, Tally()) for run in runs]
        behind = _behind(node, expected)
        answered = 1 - (self._failures(node) or 0.0)
        why = [ROWS_UNSURE] if behind or _asks_on(node, expected) else []
        why += lengths.why(tallies[0].ways)
        return Asking(
            node,
            role,
            model,
            node.key in expected.made,
            _spread([exactly(tally.requests) for tally in tallies]).wider(),
            _spread([exactly(tally.reused) for tally in tallies]).wider(),
            _spread([exactly(tally.new) for tally in tallies]).wider(),
            _spread([lengths.read(tally.ways) for tally in tallies]).times(exactly(answered)),
            _spread([lengths.written(tally.ways) for tally in tallies]).times(exactly(answered)),
            tuple(why if not expected.failed.get(node.key) else [*why, NOT_REACHED]),
            expected.failed.get(node.key),
        )

    def _rehearse(self, node: Node, tools: Tools, run: _Run, right: float) -> None:
        blocked = next((run.failed[key] for key in node.upstream if key in run.failed), None)
        if blocked is not None:
            run.failed[node.key] = blocked
            return
        behind = _behind(node, run)
        stand_in = _judged(node, right) if behind and _checks_answers(node) else node
        try:
            made = execute(stand_in, tools)
        except (StageFailed, BadInput) as error:
            if not behind and not _made_up(node, run):
                if isinstance(error, BadInput):
                    raise
                run.failed[node.key] = str(error)
                return
            try:  # no stand-in came through: about so many answers would have
                made = execute(_thinned(node, right), tools)
            except (StageFailed, BadInput):
                run.failed[node.key] = f"in rehearsal, {error}"
                return
        if made.reused and not behind:
            run.made.add(node.key)
        if behind or _made_up(node, run):
            run.unsure.add(node.key)

    def _habits(self, node: Node, scenario: Scenario) -> Habits:
        accepted, failures = node.params.get("accepted"), self._failures(node)
        return Habits(
            right=scenario.right(self._right(node)),
            # A failure may end a question that is asked on: it would stand for few requests, not for many.
            failed=failures or 0.0 if accepted else scenario.failed(failures),
            accepted=accepted if isinstance(accepted, int) else None,
        )

    def _right(self, node: Node) -> float | None:
        """The share of right answers when the table was last made."""
        version = self._tools.store.latest(node.key)
        if version is None or not version.rows or "verdict" not in (rows := version.scan()).collect_schema():
            return None
        share = rows.select((pl.col("verdict") == _RIGHT).mean()).collect().item()
        return None if share is None else float(share)

    def _failures(self, node: Node) -> float | None:
        """The share of the stage's requests that no other try would have answered, in all its runs so far."""
        accounts = [account for account in self._accounts if account["asset"] == node.name]
        failed = sum(account["failed"] - account["transient"] for account in accounts)
        told = failed + sum(account["answered"] for account in accounts)
        return failed / told if told else None


def _roles(node: Node) -> list[str]:
    """The models that a stage asks."""
    return [name for name, kind in node.strategy.capabilities.items() if kind == "generator"]


def _who(node: Node, role: str) -> str:
    """A name of its own for everyone who is asked: a study's variant may name another than its environment has."""
    return f"teacher {node.teacher}" if node.teacher else role


@dataclass(frozen=True)
class _Named:
    """In the place of the models that studies name."""

    models: dict[str, RehearsedModel]

    def get(self, name: str, where: str) -> RehearsedModel:
        return self.models[f"teacher {name}"]


def _behind(node: Node, run: _Run) -> bool:
    """Whether anything that the stage reads was made with stand-ins."""
    return any(key in run.unsure or key in run.failed for key in node.upstream)


def _made_up(node: Node, run: _Run) -> bool:
    """Whether some of the stage's own answers are stand-ins."""
    return any(tally.made_up for model in run.models.values() if (tally := model.tallies.get(node.name)))


def _asks_on(node: Node, run: _Run) -> bool:
    """Whether what the stage asks hangs on its own answers, and those are made up."""
    return "accepted" in node.params and _made_up(node, run)


def _checks_answers(node: Node) -> bool:
    return node.stage == "verify" and node.strategy.name != "none" and not _roles(node)


def _judged(node: Node, right: float) -> Node:
    """The stage with verdicts that are drawn: to check a stand-in would take long and tell nothing."""

    def verdicts(answers: pl.LazyFrame, **_: object) -> pl.LazyFrame:
        told = {"verdict": pl.when(_drawn(right)).then(pl.lit(_RIGHT)).otherwise(pl.lit("wrong"))}
        return answers.with_columns(
            told.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in VERDICT.items()
        )

    # Under a name of its own: no verdict is kept, no grader graded.
    return _instead(replace(node, strategy=replace(node.strategy, name="rehearsed")), verdicts, right)


def _thinned(node: Node, right: float) -> Node:
    """The stage with rows drawn that stay."""

    def some(rows: pl.LazyFrame, **_: object) -> Split:
        told = [pl.lit("rehearsal").alias("drop_reason"), pl.lit("{}").alias("drop_evidence")]
        return Split(rows.filter(_drawn(right)), rows.filter(~_drawn(right)).with_columns(told))

    return _instead(node, some, right)


def _instead(node: Node, function: Callable[..., Any], right: float) -> Node:
    return replace(node, strategy=replace(node.strategy, function=function, capabilities={}), params={"share": right})


def _drawn(share: float) -> pl.Expr:
    return (pl.int_range(pl.len()).hash(seed=1) % 10_000) < math.ceil(share * 10_000)


def _spread(ranges: list[Range]) -> Range:
    return ranges[0].around(ranges[1:])


def _context(model: LanguageModel) -> int | None:
    """The tokens that a prompt and its completion may have together, as far as it is told without loading anything."""
    if model.context:
        return model.context
    try:
        config = json.loads((Path(model.model or TEACHER_FOLDER) / "config.json").read_text())
    except OSError:  # a model of the Hub, or of an endpoint
        return None
    told = config.get("max_position_embeddings")
    return told if isinstance(told, int) else None
