"""Who wins, by a rule that was fixed before: from estimates to one word a variant, and the one to build on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from ot_assets.strategies.scoreboard.estimate import SIGNIFICANCE, STANDARD_ERRORS, holm

if TYPE_CHECKING:
    from ot_assets.strategies.scoreboard.estimate import Estimate

# Costs that differ by less than this share are the same: no two sets of rows have as many tokens.
SAME_COST = 0.05

# What a variant with scores is called,
WINNER, TIE, LOSES = "winner", "tie", "loses"
BETTER, WORSE = "better", "worse"
# and one without.
Without = Literal["failed", "not enough rows", "not made"]
FAILED: Without = "failed"
NOT_ENOUGH: Without = "not enough rows"
NOT_MADE: Without = "not made"


@dataclass(frozen=True)
class Standing:
    """How one variant compares with the best; `p_value` is corrected for all pairs of variants."""

    verdict: str
    by: float
    error: float
    p_value: float | None


def standings(found: Estimate, scored: Sequence[int]) -> dict[int, Standing]:
    """Each of the `scored` variants against the best of them, the first of equal ones.

    One loses that is below the best by more than two standard errors of the difference, if that is significant at 5%
    after Holm's correction. It counts all pairs of variants, for which is best was read off the same scores. What does
    not lose ties with the best; the best is the winner when all others lose, and there is one.
    """
    best = max(scored, key=lambda variant: (found.scores[variant], -variant))
    pairs = list(combinations(scored, 2))
    told = {pair: found.difference(*pair) for pair in pairs}
    corrected = dict(zip(pairs, holm([told[pair][2] for pair in pairs]), strict=True))
    made: dict[int, Standing] = {}
    for variant in scored:
        if variant == best:
            continue
        by, error, _ = found.difference(variant, best)
        p_value = corrected[min(variant, best), max(variant, best)]
        clear = -by > STANDARD_ERRORS * error and p_value < SIGNIFICANCE
        made[variant] = Standing(LOSES if clear else TIE, by, error, p_value)
    alone = bool(made) and all(standing.verdict == LOSES for standing in made.values())
    return made | {best: Standing(WINNER if alone else TIE, 0.0, 0.0, None)}


def chosen(tied: Sequence[int], money: Sequence[float | None], tokens: Sequence[int | None]) -> int:
    """Of the variants that did not lose the cheapest, else the first of the file.

    By money where it is known of all of them, else by tokens, else nothing tells them apart.
    """
    for costs in (money, tokens):
        known = {variant: cost for variant in tied if (cost := costs[variant]) is not None}
        if len(known) == len(tied) and any(known.values()):
            least = min(known.values())
            return next(variant for variant in sorted(tied) if known[variant] <= least * (1 + SAME_COST))
    return min(tied)


def versus(by: float, error: float) -> str:
    """A difference to the baseline in a word."""
    if abs(by) <= STANDARD_ERRORS * error:
        return TIE
    return BETTER if by > 0 else WORSE
