"""Scores of several variants on the same questions, how sure they are, and how they differ.

A score is the mean over benchmarks of the mean over questions of the share of right answers. Two things make it
uncertain: other questions could have been asked, and another seed would have trained another student.

    var(score)      = questions + seeds / number of seeds
    var(difference) = questions of the difference, paired + seeds x (1/n + 1/m)

*Questions*: a bootstrap over the questions of each benchmark, the same draws for all variants, so that what a question
is hard for all takes no part in a difference. One question fewer is drawn than there are, which makes the variance
unbiased (Rao and Wu's rescaled bootstrap). *Seeds*: the variance between seeds, pooled over the variants, less what the
answers of a finite number of questions vary by themselves: that is among the questions' share already.

*Few questions*: three answered alike would leave no variance, and a certain verdict. So to each difference one more
question of its benchmark is added to the variance, which went the other way by as much as the others differ (in the
root of their mean square). Where all of 3, 4, 5 questions speak for one variant p is 0.23, 0.11 and 0.05, of an exact
sign test 0.25, 0.13 and 0.06; of hundreds of questions the standard error grows by less than a hundredth.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

DRAWS = 2_000
# A difference counts beyond so many of its standard errors.
STANDARD_ERRORS = 2.0
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Panel:
    """What all variants made of one benchmark: shares of right answers, 0 to 1, NaN where there is none.

    `shares` is (variants, seeds, questions). A score that was measured elsewhere has no questions: it stands in `whole`
    (variants, seeds), with how many questions it is of in `asked` (variants).
    """

    benchmark: str
    shares: np.ndarray
    whole: np.ndarray
    asked: np.ndarray

    @cached_property
    def covariance(self) -> np.ndarray:
        """The covariance of the scores over questions (variants, variants); it enters several means."""
        return _questions(self)

    @cached_property
    def one_more(self) -> np.ndarray:
        """What one question that goes the other way adds to the variance of a difference (variants, variants)."""
        return _one_more(self)


@dataclass(frozen=True)
class Estimate:
    """Scores (variants) with NaN where a benchmark is missing, and what their standard errors are made of.

    `questions` (variants, variants) is the covariance over questions, with as many degrees of freedom as
    `questions_df`, and `one_more` what a further question adds to the variance of differences; `apart` the variance
    between the scores of one variant's seeds, known by `between_df` degrees, and `between` what of it their answers do
    not explain; `seeds` (variants) counts those that have all of the benchmarks.
    """

    scores: np.ndarray
    questions: np.ndarray
    questions_df: int
    one_more: np.ndarray
    between: float
    apart: float
    between_df: int
    seeds: np.ndarray

    def error(self, variant: int) -> float:
        """The standard error of a score."""
        return math.sqrt(self.questions[variant, variant] + self.between / self.seeds[variant])

    def difference(self, one: int, other: int) -> tuple[float, float, float]:
        """(difference, its standard error, two-sided p value) of one variant to another.

        Few seeds know little of how much seeds differ: as much of the variance as they differ by, their answers
        included, has their few degrees of freedom (Satterthwaite's rule). Without that, of studies of four equal
        variants with two seeds up to one in eight has a loser, with it fewer than one in twenty (simulated).
        """
        covariance = self.questions
        paired = float(covariance[one, one] + covariance[other, other] - 2 * covariance[one, other])
        # The draws of two variants that agree on all questions differ by rounding only.
        by_questions = (paired if paired > 1e-15 else 0.0) + float(self.one_more[one, other])
        pairs = 1 / self.seeds[one] + 1 / self.seeds[other]
        variance = by_questions + self.between * pairs
        by, error = float(self.scores[one] - self.scores[other]), math.sqrt(variance)
        if error == 0:
            return by, 0.0, 1.0 if abs(by) < 1e-12 else 0.0
        by_seeds = min(variance, self.apart * pairs)
        parts = (variance - by_seeds) ** 2 / max(1, self.questions_df) + by_seeds**2 / max(1, self.between_df)
        freedom = variance**2 / parts
        return by, error, two_sided(by / error, freedom)


def estimate(panels: Sequence[Panel], seeds_too: bool = True) -> Estimate:
    """The mean over the panels. Without `seeds_too`, the seeds that there are stand for themselves."""
    import numpy as np

    scores = np.mean([_by_benchmark(panel) for panel in panels], axis=0)
    covariance = np.sum([panel.covariance for panel in panels], axis=0) / len(panels) ** 2
    one_more = np.sum([panel.one_more for panel in panels], axis=0) / len(panels) ** 2
    freedom = sum(max(0, _fewest(panel) - 1) for panel in panels)
    present = ~np.isnan(np.stack([by_seed(panel) for panel in panels])).any(axis=0)
    # Of a variant none of whose seeds has all of the benchmarks nothing says how much it would vary.
    scores = np.where(present.any(axis=1), scores, np.nan)
    between, apart, between_df = _between(panels, present) if seeds_too else (0.0, 0.0, 0)
    return Estimate(scores, covariance, freedom, one_more, between, apart, between_df, present.sum(axis=1))


def _fewest(panel: Panel) -> int:
    """Questions that a score of the panel is of, at least."""
    counts = [count for count in (panel.shares.shape[2], *panel.asked) if count]
    return int(min(counts, default=0))


def by_seed(panel: Panel) -> np.ndarray:
    """Scores (variants, seeds)."""
    import numpy as np

    answered = ~np.isnan(panel.shares)
    counts = answered.sum(axis=2)
    sums = np.where(answered, panel.shares, 0).sum(axis=2)
    return np.where(counts > 0, sums / np.maximum(counts, 1), panel.whole)


def _by_question(panel: Panel) -> np.ndarray:
    """Means over the seeds (variants, questions)."""
    import numpy as np

    answered = ~np.isnan(panel.shares)
    counts = answered.sum(axis=1)
    sums = np.where(answered, panel.shares, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _by_benchmark(panel: Panel) -> np.ndarray:
    """Scores (variants): the mean over questions, or over the seeds of what was measured elsewhere."""
    import numpy as np

    asked, whole = _by_question(panel), panel.whole
    here, there = ~np.isnan(asked), ~np.isnan(whole)
    own = np.where(here, asked, 0).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
    elsewhere = np.where(there, whole, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.where(here.any(axis=1), own, np.where(there.any(axis=1), elsewhere, np.nan))


def _questions(panel: Panel) -> np.ndarray:
    """The covariance over questions (variants, variants); of what was measured elsewhere, at most what it can be."""
    import numpy as np

    shares = _by_question(panel)
    variants, questions = shares.shape
    covariance = np.zeros((variants, variants))
    answered = ~np.isnan(shares)
    own = answered.any(axis=1)
    if questions > 1 and own.any():
        drawn = np.random.default_rng(zlib.crc32(panel.benchmark.encode()))
        times = drawn.multinomial(questions - 1, np.full(questions, 1 / questions), size=DRAWS).astype(float)
        sums, counts = times @ np.where(answered, shares, 0).T, times @ answered.T.astype(float)
        means = (sums / np.maximum(counts, 1))[:, own]
        covariance[np.ix_(own, own)] = np.cov(means, rowvar=False).reshape(own.sum(), own.sum())
    elsewhere = _by_benchmark(panel)
    for variant in np.flatnonzero(~own & ~np.isnan(elsewhere)):
        # As though each question were always solved or never, for the mean hides which, and two more, one of each: all
        # right of three is not sure.
        asked = max(1, panel.asked[variant])
        share = (elsewhere[variant] * asked + 1) / (asked + 2)
        covariance[variant, variant] = share * (1 - share) / asked
    return covariance


def _one_more(panel: Panel) -> np.ndarray:
    """Of n differences d with the mean m and the root of their mean square r: (r + |m|)^2 / n (n + 1).

    So much larger is the variance of a mean with a difference of r on the other side of zero among them. Of a score
    that was measured elsewhere it is held against each answer; two of those have theirs in the covariance.
    """
    import numpy as np

    shares, whole = _by_question(panel), _by_benchmark(panel)
    variants, questions = shares.shape
    added = np.zeros((variants, variants))
    own = ~np.isnan(shares).all(axis=1)
    told = np.where(np.isnan(shares), whole[:, None], shares)
    for variant in np.flatnonzero(own):
        apart = told[variant] - told
        size = np.sqrt(np.mean(apart**2, axis=1)) + np.abs(np.mean(apart, axis=1))
        added[variant] = added[:, variant] = np.nan_to_num(size**2 / (questions * (questions + 1)))
    return added


def _between(panels: Sequence[Panel], present: np.ndarray) -> tuple[float, float, int]:
    """The variance of a seed's score beyond that of its answers, all of it, and its degrees of freedom."""
    import numpy as np

    scores = np.mean([by_seed(panel) for panel in panels], axis=0)
    summed, explained, freedom = 0.0, 0.0, 0
    for variant, seeds in enumerate(present):
        if seeds.sum() < 2:
            continue
        answers = sum(_interaction(panel.shares[variant][seeds]) for panel in panels) / len(panels) ** 2
        degrees = int(seeds.sum()) - 1
        summed += degrees * float(np.var(scores[variant][seeds], ddof=1))
        explained += degrees * answers
        freedom += degrees
    if not freedom:
        return 0.0, 0.0, 0
    return max(0.0, (summed - explained) / freedom), summed / freedom, freedom


def _interaction(shares: np.ndarray) -> float:
    """How much a seed's mean varies by its answers alone: what neither seed nor question explains."""
    import numpy as np

    whole = shares[:, ~np.isnan(shares).any(axis=0)]
    seeds, questions = whole.shape
    if questions < 2:
        return 0.0
    left = whole - whole.mean(axis=0) - whole.mean(axis=1, keepdims=True) + whole.mean()
    return float((left**2).sum() / ((seeds - 1) * (questions - 1)) / questions)


def two_sided(t: float, freedom: float) -> float:
    """The probability of a value of Student's t beyond +-t.

    With x = sqrt(freedom) tan(a) the density is cos(a) to the power freedom - 1.
    """
    import numpy as np

    freedom = min(freedom, 1e5)
    start = math.atan(abs(t) / math.sqrt(freedom))
    # All of the mass of many degrees lies close to zero.
    end = min(math.pi / 2, 40 / math.sqrt(freedom))
    if start >= end:
        return 0.0
    whole, beyond = (np.linspace(low, end, 20_001) for low in (0.0, start))
    density = [np.cos(angles) ** (freedom - 1) for angles in (whole, beyond)]
    return float(np.trapezoid(density[1], beyond) / np.trapezoid(density[0], whole))


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for how many there are (Holm 1979): the chance of one false finding stays what it is."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    corrected, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, values[place] * (len(values) - rank)))
        corrected[place] = least
    return corrected
