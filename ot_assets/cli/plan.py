"""`ot plan`: what a run would ask of models, and what that would cost, before it asks anything."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ot_assets.cli.query import table
from ot_assets.cli.run import selected
from ot_assets.graph.rehearsal.lengths import NOT_MEASURED
from ot_assets.graph.rehearsal.ranges import LEVEL, ZERO, Range, exactly
from ot_assets.graph.rehearsal.rehearse import NOT_REACHED, ROWS_UNSURE, Asking, rehearse
from ot_assets.graph.tools import Tools
from ot_assets.recipes.library import find_recipe
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import Node
from ot_resources.environments import checked_scale, default_budget, resources
from ot_resources.generators.budget import UNLIMITED, Budget
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.resource import LanguageModel
from ot_resources.generators.usage import Price

# How far a model's speed may be off from what was measured of it, where its runs say no more.
_OTHER_SPEED = 0.25
_FEWEST_SECONDS = 1.0


@dataclass(frozen=True)
class Rates:
    """What the user says instead of what is known: prices, and completion tokens a second."""

    input: float | None = None
    output: float | None = None
    hour: float | None = None
    tokens_per_second: float | None = None

    def price(self, model: LanguageModel) -> Price:
        known = model.price
        given = (self.input, self.output, self.hour)
        own = (known.input, known.output, known.hour)
        return Price(*(mine if mine is not None else theirs for mine, theirs in zip(given, own, strict=True)))


@dataclass(frozen=True)
class Cost:
    """What one stage, or all, will spend. None: not known."""

    seconds: Range | None
    gpu_hours: Range | None
    money: Range | None


@dataclass(frozen=True)
class Plan:
    """All stages of a recipe that ask a model, with what each will spend."""

    recipe: Recipe
    stages: list[tuple[Asking, Cost]]
    budget: Budget

    @property
    def read(self) -> Range:
        return _sum([asking.read for asking, _ in self.stages])

    @property
    def written(self) -> Range:
        return _sum([asking.written for asking, _ in self.stages])

    @property
    def total(self) -> Cost:
        costs = [cost for asking, cost in self.stages if asking.new.high]
        return Cost(
            _sum_known([cost.seconds for cost in costs]),
            _sum_known([cost.gpu_hours for cost in costs]),
            _sum_known([cost.money for cost in costs]),
        )


def plan_recipe(
    name: str, track: str | None, upto: str | None, scale: float | None, budget: str | None, rates: Rates
) -> Plan:
    """Rehearse a recipe, or a part of it, in a scratch folder. BadInput: it cannot be run, or would end before it
    asks anything."""
    spend = checked_size(scale, budget)
    recipe = find_recipe(name)
    nodes = selected(recipe, track, upto)
    return rehearsed(recipe, nodes, planning_tools(scale), spend, rates)


def checked_size(scale: float | None, budget: str | None) -> Budget:
    """What the run may spend; BadInput where scale or budget cannot be."""
    if scale is not None:
        checked_scale(scale, f"--scale {scale}")
    return Budget.parse(default_budget(), "OT_BUDGET") if budget is None else Budget.parse(budget, f"--budget {budget}")


def planning_tools(scale: float | None) -> Tools:
    """The environment's resources for a run that makes nothing."""
    found: dict[str, Any] = resources()
    sizing = found["sizing"]
    return Tools(
        store=found["store"],
        hub=found["hub"],
        models={role: found[role] for role in ("teacher", "judge")},
        sandbox=found["sandbox"],
        embedder=found["embedder"],
        environment=sizing.environment,
        scale=scale or sizing.scale or None,
        run_id="rehearsal",
        students=found["students"],
        teachers=found["teachers"],
    )


def rehearsed(recipe: Recipe, nodes: Sequence[Node], tools: Tools, spend: Budget, rates: Rates) -> Plan:
    """What a run of the nodes would ask, with what that costs."""
    with (
        tempfile.TemporaryDirectory(prefix="ot-plan-") as scratch,
        Console(stderr=True).status("rehearsing") as status,
    ):
        asked = rehearse(nodes, tools, Path(scratch), lambda node: status.update(f"rehearsing {node}"))
    speeds = _speeds(Path(tools.models["teacher"].ledger))
    stages = [(asking, _cost(asking, tools.model(asking.node, asking.role), rates, speeds)) for asking in asked]
    return Plan(recipe, stages, recipe.budget.smaller(spend))


def _cost(asking: Asking, model: LanguageModel, rates: Rates, speeds: dict[str, Range]) -> Cost:
    if not asking.new.high:
        return Cost(ZERO, ZERO, ZERO)
    given = rates.tokens_per_second
    speed = exactly(given) if given else speeds.get(asking.model)
    seconds = None
    if speed is not None:
        written = asking.written
        seconds = Range(written.estimate / speed.estimate, written.low / speed.high, written.high / speed.low)
    hours = seconds.times(exactly(model.tensor_parallel / 3600)) if seconds else None
    return Cost(seconds, hours, _money(asking, rates.price(model), seconds))


def _money(asking: Asking, price: Price, seconds: Range | None) -> Range | None:
    if not price.known or (price.hour and seconds is None):
        return None
    taken, read, written = seconds or ZERO, asking.read, asking.written
    return Range(
        price.of(read.estimate, written.estimate, taken.estimate),
        price.of(read.low, written.low, taken.low),
        price.of(read.high, written.high, taken.high),
    )


def _speeds(folder: Path) -> dict[str, Range]:
    """Completion tokens a second of each model, from all that was ever asked of it: from its slowest run to its
    fastest."""
    if not (folder / "segments").exists():
        return {}
    ledger = Ledger(folder)
    try:
        accounts = [account for account in ledger.accounts() if account["seconds"] >= _FEWEST_SECONDS]
    finally:
        ledger.close()
    tokens, seconds = Counter[str](), Counter[str]()
    rates: dict[str, list[float]] = {}
    for account in accounts:
        if account["completion_tokens"]:
            tokens[account["model"]] += account["completion_tokens"]
            seconds[account["model"]] += account["seconds"]
            rates.setdefault(account["model"], []).append(account["completion_tokens"] / account["seconds"])
    found = {}
    for model, each in rates.items():
        mean = tokens[model] / seconds[model]
        found[model] = Range(mean, min([*each, mean * (1 - _OTHER_SPEED)]), max([*each, mean * (1 + _OTHER_SPEED)]))
    return found


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan with all its figures."""
    return {
        "recipe": plan.recipe.name,
        "level": LEVEL,
        "stages": [
            {
                "asset": asking.node.name,
                "role": asking.role,
                "model": asking.model,
                "made": asking.made,
                "requests": _figures(asking.requests),
                "in_ledger": _figures(asking.reused),
                "new": _figures(asking.new),
                "prompt_tokens": _figures(asking.read),
                "completion_tokens": _figures(asking.written),
                **_cost_figures(cost),
                "unsure": list(asking.why),
                "failed": asking.failed,
            }
            for asking, cost in plan.stages
        ],
        "total": {
            "requests": _figures(_sum([asking.requests for asking, _ in plan.stages])),
            "in_ledger": _figures(_sum([asking.reused for asking, _ in plan.stages])),
            "new": _figures(_sum([asking.new for asking, _ in plan.stages])),
            "prompt_tokens": _figures(plan.read),
            "completion_tokens": _figures(plan.written),
            **_cost_figures(plan.total),
        },
        "budget": [
            {"of": name, "cap": cap, "needed": _figures(needed), "reached": _reached(cap, needed)}
            for name, cap, needed in _caps(plan)
        ],
        "assumed": assumed(plan),
    }


def as_text(plan: Plan) -> str:
    """The plan as a table, its total, and what it takes for granted."""
    if not plan.stages:
        return f"{plan.recipe.name} asks no model anything"
    rows = [_row(_title(asking, plan.recipe), asking, cost) for asking, cost in plan.stages]
    missing = any(asking.failed for asking, _ in plan.stages)
    rows.append(
        _row("total", _total(plan), plan.total) | {"unsure": f"without what is {NOT_REACHED}" if missing else ""}
    )
    parts = [table(rows, empty=""), *_budget_lines(plan), *(f"* {line}" for line in assumed(plan))]
    return "\n".join(parts)


def _total(plan: Plan) -> Asking:
    """All stages as one."""
    every = [asking for asking, _ in plan.stages]
    return Asking(
        node=every[0].node,
        role="",
        model="",
        made=False,
        requests=_sum([asking.requests for asking in every]),
        reused=_sum([asking.reused for asking in every]),
        new=_sum([asking.new for asking in every]),
        read=plan.read,
        written=plan.written,
    )


def assumed(plan: Plan) -> list[str]:
    """In words: how sure the figures are, and what would make them surer."""
    whys = {why for asking, _ in plan.stages for why in asking.why}
    new = [asking for asking, _ in plan.stages if asking.new.high]
    lines = []
    if new:
        lines.append(f"ranges: {LEVEL:.0%} where lengths were measured; all stages are taken to be off the same way")
    if NOT_MEASURED in whys:
        lines.append(
            f"{NOT_MEASURED}: from a fiftieth of the tokens that an answer may have to all of them;"
            " a first run at a small --scale measures it"
        )
    if ROWS_UNSURE in whys:
        lines.append(
            f"{ROWS_UNSURE}: made-up answers stand for those that are missing; half of them are right, or as many as"
            " when the table was last made; the range is what a run asks if far fewer are, or far more"
        )
    if new and any(cost.seconds is None for _, cost in plan.stages):
        lines.append("hours: the speed of a model that answered nothing yet is not known; give --tokens-per-second")
    lines += [
        f"{NOT_REACHED}: {asking.node.name}: {asking.failed}" for asking, _ in plan.stages if asking.failed is not None
    ]
    return lines


def _title(asking: Asking, recipe: Recipe) -> str:
    key = asking.node.key
    return "/".join(key[1:]) if key[0] == recipe.name else asking.node.name


def _row(title: str, asking: Asking, cost: Cost) -> dict[str, Any]:
    figures = {
        "requests": asking.requests,
        "in ledger": asking.reused,
        "new": asking.new,
        "tokens read": asking.read,
        "written": asking.written,
        "GPU hours": cost.gpu_hours,
        "money": cost.money,
    }
    unknown = asking.failed is not None and not asking.requests.high
    return {
        "stage": title,
        "model": asking.model,
        **{name: told(None if unknown else range_) for name, range_ in figures.items()},
        "unsure": ", ".join(asking.why) or ("made already" if asking.made else ""),
    }


def told(range_: Range | None) -> str:
    """`1,728`, or `12,300 (9,800 to 15,000)`; `-` for what is not known."""
    if range_ is None:
        return "-"
    if range_.is_exact:
        return _number(range_.estimate, exact=True)
    return f"{_number(range_.estimate)} ({_number(range_.low)} to {_number(range_.high)})"


def _number(number: float, exact: bool = False) -> str:
    """To three digits, unless it was counted."""
    if exact and float(number).is_integer():
        return f"{number:,.0f}"
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 or rounded.is_integer() else f"{rounded:g}"


def _caps(plan: Plan) -> list[tuple[str, float, Range | None]]:
    if plan.budget == UNLIMITED:
        return []
    total, hours = plan.total, plan.total.seconds
    needed = {
        "tokens": plan.read + plan.written,
        "money": total.money,
        "hours": hours.times(exactly(1 / 3600)) if hours else None,
    }
    return [(name, cap, needed[name]) for name, cap in vars(plan.budget).items() if cap is not None]


def _reached(cap: float, needed: Range | None) -> str:
    if needed is None:
        return "unknown"
    if needed.low >= cap > 0 or (cap == 0 and needed.high):
        return "yes"
    return "maybe" if needed.high >= cap and needed.high else "no"


def _budget_lines(plan: Plan) -> list[str]:
    said = {
        "yes": "spent before all is asked; what is in flight then is paid for too, and the next run goes on",
        "maybe": "may be spent before all is asked; what is in flight then is paid for too, and the next run goes on",
        "no": "is enough",
        "unknown": "what the run needs of it is not known",
    }
    return [
        f"budget: {_number(cap)} {name}, needed {told(needed)}: {said[_reached(cap, needed)]}"
        for name, cap, needed in _caps(plan)
    ]


def _figures(range_: Range | None) -> dict[str, float] | None:
    if range_ is None:
        return None
    return {name: round(number, 4) for name, number in vars(range_).items()}


def _cost_figures(cost: Cost) -> dict[str, Any]:
    return {
        "seconds": _figures(cost.seconds),
        "gpu_hours": _figures(cost.gpu_hours),
        "money": _figures(cost.money),
    }


def _sum(ranges: list[Range]) -> Range:
    return sum(ranges, ZERO)


def _sum_known(ranges: list[Range | None]) -> Range | None:
    """The sum, where all are known."""
    known = [range_ for range_ in ranges if range_ is not None]
    return _sum(known) if len(known) == len(ranges) else None
