"""The plan of a run in words and figures: as a person reads it, and as JSON."""

from __future__ import annotations

from typing import Any

from ot_assets.cli.costs import Cost, summed
from ot_assets.cli.plan import Plan
from ot_assets.cli.query import table
from ot_assets.graph.rehearsal.lengths import NOT_MEASURED
from ot_assets.graph.rehearsal.ranges import LEVEL, Range, exactly
from ot_assets.graph.rehearsal.rehearse import NOT_REACHED, ROWS_UNSURE, Asking
from ot_assets.recipes.model import Recipe
from ot_resources.generators.budget import UNLIMITED


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
            "requests": _figures(summed([asking.requests for asking, _ in plan.stages])),
            "in_ledger": _figures(summed([asking.reused for asking, _ in plan.stages])),
            "new": _figures(summed([asking.new for asking, _ in plan.stages])),
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
        requests=summed([asking.requests for asking in every]),
        reused=summed([asking.reused for asking in every]),
        new=summed([asking.new for asking in every]),
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
