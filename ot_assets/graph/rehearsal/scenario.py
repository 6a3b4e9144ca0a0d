"""What is taken for granted of answers that nobody has given yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """`side` is -1 where little comes of the answers, 0 for what is expected, 1 where much does.

    What was measured before is known more closely than what was not.
    """

    name: str
    side: int

    def right(self, measured: float | None) -> float:
        """The share of answers that are right, of yes among yes and no, of rows that pass a filter."""
        return _share(0.5, 0.4, self.side) if measured is None else _share(measured, 0.15, self.side)

    def failed(self, measured: float | None) -> float:
        """The share of requests that cannot be answered."""
        return (0.25 if self.side < 0 else 0.0) if measured is None else _share(measured, 0.1, -self.side)

    @property
    def answer(self) -> float:
        """The part of a text that is answer; before it comes the reasoning."""
        return {-1: 0.1, 0: 0.3, 1: 1.0}[self.side]


def _share(middle: float, spread: float, side: int) -> float:
    return min(1.0, max(0.0, middle + side * spread))


EXPECTED = Scenario("expected", 0)
LITTLE = Scenario("little", -1)
MUCH = Scenario("much", 1)
