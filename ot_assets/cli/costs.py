"""What asking a model takes: time by its measured speed, GPU hours, and money by its price."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ot_assets.graph.rehearsal.ranges import ZERO, Range, exactly
from ot_assets.graph.rehearsal.rehearse import Asking
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


def cost_of(asking: Asking, model: LanguageModel, rates: Rates, speeds: dict[str, Range]) -> Cost:
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


def speeds_of(folder: Path) -> dict[str, Range]:
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


def summed(ranges: list[Range]) -> Range:
    """Ranges one after another."""
    return sum(ranges, ZERO)


def summed_known(ranges: list[Range | None]) -> Range | None:
    """The sum, where all are known."""
    known = [range_ for range_ in ranges if range_ is not None]
    return summed(known) if len(known) == len(ranges) else None
