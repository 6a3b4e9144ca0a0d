"""Numbers with what they may well be instead."""

from __future__ import annotations

import math
from dataclasses import dataclass

# How likely the number is inside its range, as far as that was measured; and the normal distribution's figure for it.
LEVEL = 0.9
_DEVIATIONS = 1.645


@dataclass(frozen=True)
class Range:
    """An estimate between `low` and `high`."""

    estimate: float
    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        """Both are wrong to the same side at worst: the sum's range is never too narrow for that."""
        return Range(self.estimate + other.estimate, self.low + other.low, self.high + other.high)

    def times(self, other: Range) -> Range:
        return Range(self.estimate * other.estimate, self.low * other.low, self.high * other.high)

    def around(self, others: list[Range]) -> Range:
        """The same estimate, and a range that holds those of the others as well."""
        every = [self, *others]
        return Range(self.estimate, min(range_.low for range_ in every), max(range_.high for range_ in every))

    def wider(self) -> Range:
        """With half as much again to either side, as far as that is no less than nothing."""
        more = (self.high - self.low) / 2
        return Range(self.estimate, max(0.0, self.low - more), self.high + more)

    @property
    def is_exact(self) -> bool:
        return self.low == self.high


def exactly(number: float) -> Range:
    return Range(number, number, number)


ZERO = exactly(0)


@dataclass(frozen=True)
class Spread:
    """What was measured: how many, their mean, and the standard deviation of one."""

    count: int
    mean: float
    deviation: float

    @classmethod
    def of(cls, values: list[tuple[int, int]]) -> Spread | None:
        """From (value, how often); None where there are too few to tell."""
        count = sum(often for _, often in values)
        if count < _FEWEST:
            return None
        mean = sum(value * often for value, often in values) / count
        squares = sum(often * (value - mean) ** 2 for value, often in values)
        return cls(count, mean, math.sqrt(squares / (count - 1)))

    def sum_of(self, count: int, alike: float, elsewhere: float) -> Range:
        """What so many more may add up to.

        Both the mean and their own chance are uncertain. `alike` are the draws that come of one question, whose
        lengths are alike; `elsewhere` is the share of them that is asked of questions of which nothing is known yet,
        which may be others than those that were measured.
        """
        effect = 1 + (alike - 1) * _LIKENESS
        chance = self.deviation**2 * effect * (count**2 / self.count + count)
        other = (_OTHER_QUESTIONS * elsewhere * count * self.mean) ** 2
        # Student's t for few measurements, to the first order.
        quantile = _DEVIATIONS + (_DEVIATIONS**3 + _DEVIATIONS) / (4 * (self.count - 1))
        half = quantile * math.sqrt(chance + other)
        estimate = count * self.mean
        return Range(estimate, max(0.0, estimate - half), estimate + half)


_FEWEST = 5
# How much of the variance of lengths lies between questions, and how far the mean of other questions may be off.
_LIKENESS = 0.5
_OTHER_QUESTIONS = 0.1
