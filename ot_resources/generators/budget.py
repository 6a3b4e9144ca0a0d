"""A cap on what a run may spend: tokens, money, hours of engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ot_resources.generators.ledger import Ledger
from ot_resources.generators.usage import Usage
from ot_resources.interfaces import BadInput


@dataclass(frozen=True)
class Budget:
    """None: no cap. `tokens` are those read and written, newly asked; `hours` of waiting for the engine."""

    tokens: float | None = None
    money: float | None = None
    hours: float | None = None

    @classmethod
    def of(cls, caps: Mapping[str, Any], where: str) -> Budget:
        """From a mapping such as `{tokens: 5000000, money: 10}`; BadInput starts with `where`."""
        names = [f.name for f in fields(cls)]
        for name, cap in caps.items():
            if name not in names:
                raise BadInput(f"{where}: nothing has a budget of '{name}'; there is: {', '.join(names)}")
            if isinstance(cap, bool) or not isinstance(cap, int | float) or not 0 <= cap < math.inf:
                raise BadInput(f"{where}: {name}: {cap!r} is no budget; a number from 0 on, e.g. 1000000")
        return cls(**caps)

    @classmethod
    def parse(cls, text: str, where: str) -> Budget:
        """From `tokens=5e6,money=10`."""
        caps: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, number = part.partition("=")
            try:
                caps[name.strip()] = float(number)
            except ValueError:
                raise BadInput(f"{where}: '{part}' is no budget; write e.g. tokens=5e6,money=10,hours=2") from None
        return cls.of(caps, where)

    def smaller(self, other: Budget) -> Budget:
        """Of each cap the smaller one."""
        caps = {f.name: [cap for b in (self, other) if (cap := getattr(b, f.name)) is not None] for f in fields(self)}
        return Budget(**{name: min(both, default=None) for name, both in caps.items()})  # type: ignore[type-var]

    def left_of(self, ledger: Ledger, run_id: str) -> Allowance:
        """What is left of it for one more stage of a run, after what the ledger has of the others."""
        if self == UNLIMITED:
            return Allowance(self, 0, 0.0, 0.0)
        spent = ledger.accounts(run_id)
        tokens = sum(account["prompt_tokens"] + account["completion_tokens"] for account in spent)
        return Allowance(self, tokens, sum(a["money"] for a in spent), sum(a["seconds"] for a in spent) / 3600)


UNLIMITED = Budget()
# Requests that may be out before it is known what one costs.
_UNKNOWN = 8


@dataclass(frozen=True)
class Allowance:
    """A budget, and what the earlier stages of the run have spent of it."""

    budget: Budget
    tokens: int
    money: float
    hours: float

    def is_full(self, usage: Usage, flying: int) -> bool:
        """Whether what is with the engine may well spend the rest, going by what a request has cost so far."""
        if self.budget.tokens is None and self.budget.money is None:
            return False
        if not usage.landed:
            return flying >= _UNKNOWN
        share = flying / usage.landed
        tokens = usage.prompt_tokens + usage.completion_tokens
        if self.budget.tokens is not None and self.tokens + tokens * (1 + share) >= self.budget.tokens:
            return True
        return self.budget.money is not None and self.money + usage.money * (1 + share) >= self.budget.money

    def stopped(self, usage: Usage) -> str | None:
        """Why nothing more may be asked, or None. What is in flight is paid for and comes in."""
        budget = self.budget
        if budget.tokens is not None:
            spent = self.tokens + usage.prompt_tokens + usage.completion_tokens
            if spent >= budget.tokens:
                return f"the budget of {budget.tokens:,.0f} tokens is spent"
        if budget.money is not None and self.money + usage.money >= budget.money:
            return f"the budget of {budget.money:,.2f} is spent"
        if budget.hours is not None and self.hours + usage.waited / 3600 >= budget.hours:
            return f"the budget of {budget.hours:g} hours is spent"
        return None
