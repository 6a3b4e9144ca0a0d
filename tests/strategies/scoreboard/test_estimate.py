"""Standard errors and verdicts held against simulated studies whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies.scoreboard.estimate import Panel, estimate, holm, two_sided
from ot_assets.strategies.scoreboard.verdict import LOSES, standings

STUDIES = 150


def panel(shares: np.ndarray, name: str = "b") -> Panel:
    variants, seeds, _ = shares.shape
    return Panel(name, shares, np.full((variants, seeds), np.nan), np.zeros(variants))


def simulated(
    rng: np.random.Generator, effects: list[float], seeds: int, questions: int, seed_sd: float
) -> list[Panel]:
    """Two benchmarks of questions that are hard for all; a seed shifts its student's chances everywhere."""
    shift = rng.normal(0, seed_sd, (len(effects), seeds, 1)) + np.array(effects)[:, None, None]
    panels = []
    for name in ("a", "b"):
        chance = np.clip(0.45 + rng.normal(0, 0.25, questions) + shift, 0, 1)
        panels.append(panel(rng.binomial(2, chance) / 2, name))
    return panels


@pytest.mark.parametrize(("seeds", "seed_sd"), [(2, 0.0), (3, 0.04)])
def test_a_standard_error_is_how_much_a_score_and_a_difference_vary(seeds, seed_sd, monkeypatch):
    monkeypatch.setattr("ot_assets.strategies.scoreboard.estimate.DRAWS", 300)
    rng = np.random.default_rng(7)
    scores, errors, apart, apart_errors = [], [], [], []
    for _ in range(STUDIES):
        found = estimate(simulated(rng, [0.0, 0.0, 0.0], seeds, 60, seed_sd))
        scores.append(found.scores[0])
        errors.append(found.error(0))
        by, error, _ = found.difference(0, 1)
        apart.append(by)
        apart_errors.append(error)
    for values, told in ((scores, errors), (apart, apart_errors)):
        assert 0.8 < math.sqrt(np.mean(np.square(told))) / np.std(values) < 1.3


@pytest.mark.parametrize(("seeds", "seed_sd", "most"), [(1, 0.0, 0.08), (2, 0.0, 0.05), (2, 0.03, 0.08)])
def test_equal_variants_seldom_lose(seeds, seed_sd, most, monkeypatch):
    monkeypatch.setattr("ot_assets.strategies.scoreboard.estimate.DRAWS", 300)
    rng = np.random.default_rng(8)
    false = 0
    for _ in range(STUDIES):
        told = standings(estimate(simulated(rng, [0.0] * 4, seeds, 60, seed_sd)), range(4))
        false += any(standing.verdict == LOSES for standing in told.values())
    assert false / STUDIES <= most


def test_a_bad_variant_loses_and_equal_ones_do_not_lose_with_it(monkeypatch):
    monkeypatch.setattr("ot_assets.strategies.scoreboard.estimate.DRAWS", 300)
    rng = np.random.default_rng(9)
    found = caught = 0
    for _ in range(STUDIES):
        told = standings(estimate(simulated(rng, [0.0, 0.0, 0.0, -0.25], 2, 100, 0.02)), range(4))
        caught += told[3].verdict == LOSES
        found += any(told[place].verdict == LOSES for place in range(3))
    assert caught / STUDIES > 0.9 and found / STUDIES < 0.1


def test_pairing_makes_a_difference_surer_than_two_scores_apart():
    rng = np.random.default_rng(1)
    hard = rng.uniform(size=(1, 1, 200))
    shares = np.concatenate([hard, np.clip(hard + 0.02, 0, 1)])
    found = estimate([panel(shares)])
    _, error, _ = found.difference(0, 1)
    assert error < 0.1 * math.hypot(found.error(0), found.error(1))


def test_one_question_less_is_drawn_so_that_few_questions_are_unbiased():
    shares = np.array([[[0.0, 0.0, 1.0, 1.0, 1.0]]])
    assert estimate([panel(shares)]).error(0) == pytest.approx(np.std(shares, ddof=1) / math.sqrt(5), rel=0.05)


@pytest.mark.parametrize(("questions", "sign_test"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125)])
def test_few_questions_that_all_speak_for_one_are_as_sure_as_a_sign_test(questions, sign_test):
    found = estimate([panel(np.stack([np.ones((1, questions)), np.zeros((1, questions))]))])
    assert found.difference(0, 1)[2] == pytest.approx(sign_test, rel=0.3)
    same = estimate([panel(np.ones((2, 1, questions)))])
    assert same.difference(0, 1) == (0, 0, 1)


def test_few_questions_that_were_asked_elsewhere_are_not_sure_either():
    none, asked = np.full((2, 1, 0), np.nan), np.array([3.0, 3.0])
    elsewhere = estimate([Panel("b", none, np.array([[1.0], [0.0]]), asked)])
    assert 0.05 < elsewhere.difference(0, 1)[2] < 0.2
    own = np.stack([np.ones((1, 3)), np.full((1, 3), np.nan)])
    one_of_each = estimate([Panel("b", own, np.array([[np.nan], [0.0]]), np.array([0.0, 3.0]))])
    assert one_of_each.difference(0, 1)[2] > 0.1


def test_of_hundreds_of_questions_the_one_more_is_nearly_nothing():
    rng = np.random.default_rng(3)
    found = estimate([panel(rng.binomial(1, 0.5, (2, 1, 300)).astype(float))])
    plain = found.questions[0, 0] + found.questions[1, 1] - 2 * found.questions[0, 1]
    assert 1 < found.difference(0, 1)[1] / math.sqrt(plain) < 1.01


def test_seeds_that_differ_beyond_their_answers_widen_the_error_unless_they_stand_for_themselves():
    shares = np.zeros((2, 2, 50))
    shares[:, :, :25] = 1
    shares[0, 1, :35] = 1
    wide, narrow = estimate([panel(shares)]), estimate([panel(shares)], seeds_too=False)
    assert wide.between > 0 and narrow.between == 0
    assert wide.error(1) > narrow.error(1) > 0


def test_what_was_measured_elsewhere_is_compared_unpaired():
    shares = np.full((2, 1, 40), np.nan)
    shares[0, 0] = np.arange(40) % 2
    whole = np.array([[np.nan], [0.5]])
    found = estimate([Panel("b", shares, whole, np.array([0, 40]))])
    assert found.scores.tolist() == [0.5, 0.5]
    by, error, _ = found.difference(0, 1)
    assert by == 0 and error == pytest.approx(math.hypot(found.error(0), math.sqrt(0.25 / 40)), rel=0.01)


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    # tables of Student's t
    [(12.706, 1, 0.05), (2.776, 4, 0.05), (4.604, 4, 0.01), (1.96, 1e5, 0.05), (2.042, 30, 0.05), (0.0, 3, 1.0)],
)
def test_students_t(t, freedom, p):
    assert two_sided(t, freedom) == pytest.approx(p, abs=2e-4)


def test_holm_as_in_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_plain_and_bonferroni(values):
    corrected = holm(values)
    for plain, told in zip(values, corrected, strict=True):
        assert plain <= told <= min(1.0, plain * len(values)) + 1e-12
    assert [corrected[i] for i in np.argsort(values, kind="stable")] == sorted(corrected)
