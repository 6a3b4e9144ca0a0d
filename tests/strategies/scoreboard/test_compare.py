from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ot_assets.contracts import SCORE, SCOREBOARD
from ot_assets.graph import boards
from ot_assets.strategies import apply
from ot_assets.strategies.scoreboard.verdict import chosen
from ot_resources.interfaces import BadInput

ROWS = SCORE | {"variant": pl.String}


def scores(variant: str, benchmark: str, chance: float, held_out: bool = False, seeds: int = 2) -> pl.DataFrame:
    """Sixty questions of growing ease, the same for all variants."""
    rng = np.random.default_rng(abs(hash_of(f"{variant} {benchmark}")))
    rows = [
        {
            "variant": variant,
            "seed": seed,
            "student": f"{variant}{seed}",
            "benchmark": benchmark,
            "held_out": held_out,
            "question_id": f"{benchmark}{q}",
            "sample": sample,
            "right": float(rng.random() < min(1, chance * (0.5 + q / 60))),
            "n": 1,
        }
        for seed in range(seeds)
        for q in range(60)
        for sample in range(2)
    ]
    return pl.DataFrame(rows, schema=ROWS)


def hash_of(text: str) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(text)) % 2**32


def board(*parts: pl.DataFrame, variants: list[str], **params: Any) -> pl.DataFrame:
    frame = pl.concat([pl.DataFrame(schema=ROWS), *parts])
    given = {"variants": variants, "baseline": variants[0]} | params
    found = apply("scoreboard.compare", frame, **given).kept.collect()
    assert found.schema == SCOREBOARD
    return found


def row(found: pl.DataFrame, variant: str, benchmark: str = "dev") -> dict[str, Any]:
    return found.row(by_predicate=(pl.col("variant") == variant) & (pl.col("benchmark") == benchmark), named=True)


def test_a_clear_winner_a_tie_and_a_loser():
    parts = [scores("plain", "a", 0.4), scores("twin", "a", 0.4), scores("bad", "a", 0.1)]
    found = board(*parts, variants=["plain", "twin", "bad"])
    assert {row(found, name)["verdict"] for name in ("plain", "twin")} == {"tie"}
    assert row(found, "bad")["verdict"] == "loses" and row(found, "bad")["p_value"] < 0.01
    assert row(found, "bad")["vs_baseline_verdict"] == "worse" and row(found, "twin")["vs_baseline_verdict"] == "tie"
    assert found["chosen"].sum() == 1 and row(found, "plain")["chosen"], "simplest first"
    alone = board(parts[0], parts[2], variants=["plain", "bad"])
    assert row(alone, "plain")["verdict"] == "winner" and row(alone, "plain")["chosen"]


def test_scores_are_the_mean_of_benchmarks_not_of_questions():
    few = scores("v", "b", 0.9).filter(pl.col("question_id").is_in([f"b{q}" for q in range(10)]))
    many = scores("v", "a", 0.2)
    found = board(few, many, variants=["v"])
    means = [100 * part["right"].mean() for part in (few, many)]
    assert row(found, "v")["score"] == pytest.approx(sum(means) / 2)
    assert row(found, "v", "a")["score"] == pytest.approx(means[1])
    assert (row(found, "v")["questions"], row(found, "v")["seeds"], row(found, "v")["repeats"]) == (70, 2, 2)


def test_a_held_out_score_never_chooses():
    """Whatever happens there, nothing of the dev rows changes; what would win by it does not."""
    dev = [scores(name, "a", chance) for name, chance in (("x", 0.4), ("y", 0.1))]
    without = board(*dev, variants=["x", "y"]).filter(benchmark="dev")
    for better, worse in (("x", "y"), ("y", "x")):
        held_out = [scores(better, "h", 0.9, True), scores(worse, "h", 0.01, True)]
        found = board(*dev, *held_out, variants=["x", "y"])
        assert found.filter(benchmark="dev").equals(without)
        assert row(found, better, "held_out")["score"] > row(found, worse, "held_out")["score"]
        shown = found.filter(pl.col("held_out"))
        assert shown.select(pl.col("verdict", "chosen", "p_value", "vs_best").null_count()).row(0) == (4, 4, 4, 4)
    only = board(*held_out, variants=["x", "y"]).filter(benchmark="dev")
    assert only["verdict"].null_count() == 2 and not only["chosen"].any()


def test_of_the_tied_the_cheaper_is_chosen_and_a_small_saving_is_none():
    parts = [scores(name, "a", 0.4) for name in ("plain", "short")]
    for tokens, wanted in ((700, "short"), (980, "plain")):
        standing = {"plain": {"tokens": 1000, "rows": 5}, "short": {"tokens": tokens, "rows": 5}}
        found = board(*parts, variants=["plain", "short"], standing=standing)
        assert row(found, wanted)["chosen"] and row(found, "short")["tokens"] == tokens


def test_cost_is_money_where_it_is_known_of_all():
    assert chosen([0, 1, 2], [3.0, 1.0, 2.0], [1, 9, 9]) == 1
    assert chosen([0, 1, 2], [3.0, None, 2.0], [9, 9, 1]) == 2
    assert chosen([1, 2], [0.0, 0.0, 0.0], [None, None, None]) == 1


def test_variants_without_scores_say_why_and_stop_nobody():
    found = board(
        scores("x", "a", 0.4),
        variants=["x", "small", "gone"],
        standing={"small": {"verdict": "not enough rows", "reason": "12 of 100 rows", "rows": 12}},
    )
    assert [row(found, name)[key] for name in ("small", "gone") for key in ("verdict", "reason")] == [
        *("not enough rows", "12 of 100 rows"),
        *("failed", "no scores on a"),
    ]
    assert row(found, "x")["verdict"] == "tie" and not row(found, "x")["chosen"]
    assert row(found, "x")["reason"] == "no other variant has scores to compare with"
    assert row(found, "x")["vs_best"] is None, "there is no best of one"
    nobody = board(variants=["x", "y"])
    assert nobody["verdict"].to_list() == ["failed", "failed"] and not nobody["chosen"].any()


def test_a_variant_with_a_benchmark_missing_or_hardly_answered_is_not_compared():
    whole = [scores(name, benchmark, 0.4) for name in ("x", "y", "z") for benchmark in ("a", "b")]
    lacking = pl.concat(whole).filter(~((pl.col("variant") == "y") & (pl.col("benchmark") == "b")))
    rare = (pl.col("variant") == "z") & (pl.col("benchmark") == "a") & ~pl.col("question_id").is_in(["a1", "a2"])
    found = board(lacking.filter(~rare), variants=["x", "y", "z"])
    assert row(found, "y")["reason"] == "no scores on b"
    assert row(found, "z")["reason"] == "a: 2 of 60 questions answered"
    assert row(found, "y", "a")["score"] is not None


def answers(variant: str, right: list[float], seeds: tuple[int, ...] = (0,), benchmark: str = "a") -> pl.DataFrame:
    """One answer a question and seed; the questions are numbered."""
    told = {"variant": variant, "benchmark": benchmark, "held_out": False, "sample": 0, "n": 1}
    rows = [
        told | {"seed": seed, "question_id": f"q{q:02}", "right": share}
        for seed in seeds
        for q, share in enumerate(right)
    ]
    return pl.DataFrame(rows, schema=ROWS)


def measured(variant: str, benchmark: str, right: float, n: int, seed: int = 0) -> pl.DataFrame:
    """A score from elsewhere."""
    told = {"variant": variant, "seed": seed, "benchmark": benchmark, "held_out": False, "sample": 0}
    return pl.DataFrame([told | {"right": right, "n": n}], schema=ROWS)


def test_who_answered_only_the_easy_questions_is_compared_on_those():
    half = [1.0] * 20 + [0.0] * 20
    found = board(answers("x", half), answers("y", half[:20]), variants=["x", "y"])
    assert [row(found, name)[key] for name in "xy" for key in ("score", "questions", "verdict")] == [100, 20, "tie"] * 2
    assert row(found, "x")["reason"].startswith("a: compared on 20 of 40 questions")
    assert row(found, "y")["reason"].startswith("a: answered 20, compared on 20 of 40 questions")
    assert row(found, "y", "a")["questions"] == 20


def test_half_of_a_benchmark_is_half_of_what_was_asked():
    few = [1.0, 0.0, 1.0]
    asked = {name: {"asked": {"a": 30}} for name in "xy"}
    found = board(answers("x", few), answers("y", few), variants=["x", "y"], standing=asked)
    assert {row(found, name)["verdict"] for name in "xy"} == {"failed"}
    assert row(found, "x")["reason"] == "a: 3 of 30 questions answered"
    asked = {"x": {"asked": {"a": 30}}, "y": {"asked": {}}}
    found = board(answers("x", few * 7), answers("y", few * 6), variants=["x", "y"], standing=asked)
    assert row(found, "x")["reason"].startswith("a: answered 21, compared on 18 of 30 questions")


def test_of_two_who_answered_different_halves_one_has_no_score():
    halves = (
        answers("x", [1.0] * 40),
        answers("y", [1.0] * 20),
        answers("z", [1.0] * 40).filter(pl.col("question_id") > "q19"),
    )
    found = board(*halves, variants=["x", "y", "z"])
    assert row(found, "y")["questions"] == 20 and row(found, "z")["verdict"] == "failed"
    assert row(found, "z")["reason"] == "a: 20 of 40 questions answered, hardly one of them by the others"


def test_a_seed_that_hardly_answered_is_none_and_seeds_that_are_lacking_are_told():
    half = [1.0, 0.0] * 20
    hardly = answers("y", [1.0] * 19, seeds=(1,))
    found = board(answers("x", half, (0, 1)), answers("y", half), hardly, variants=["x", "y"])
    assert (row(found, "y")["score"], row(found, "y")["seeds"]) == (50, 1)
    assert row(found, "y")["reason"] == "scores of 1 of 2 seeds" and row(found, "x")["reason"] is None
    asked = {name: {"seeds": 3} for name in "xy"}
    found = board(answers("x", half, (0, 1)), answers("y", half, (0, 1)), variants=["x", "y"], standing=asked)
    assert {row(found, name)["reason"] for name in "xy"} == {"scores of 2 of 3 seeds"}


def test_seeds_without_a_benchmark_in_common_are_no_score():
    parts = [measured(name, benchmark, 0.5, 30, seed) for name in "xy" for seed, benchmark in enumerate("ab")]
    found = board(*parts, measured("y", "a", 0.4, 30, 1), variants=["x", "y"])
    assert row(found, "x")["score"] is None and row(found, "x")["verdict"] == "failed"
    assert row(found, "x")["reason"] == "seed 0 lacks b; seed 1 lacks a"
    assert row(found, "y")["seeds"] == 1 and row(found, "y")["se"] > 0
    assert boards.sketch(found) and boards.drawn(found)


def test_scores_of_different_counts_are_as_sure_as_the_smallest():
    counts = [measured("x", "a", 0.5, n, seed) for seed, n in ((0, 3000), (1, 30), (2, 300))]
    for order in (counts, counts[::-1]):
        found = board(*order, variants=["x"])
        assert row(found, "x")["questions"] == 30 and row(found, "x")["se"] == pytest.approx(100 * (0.25 / 30) ** 0.5)


def test_one_seed_is_told_and_published_figures_stand_beside_ours():
    parts = [scores(name, b, 0.4, seeds=1) for name in ("x", "y") for b in ("aime", "lcb")]
    published = {"x": {"average": 41.6, "se": 0.3, "math": 64.8, "lcb": 9.0, "note": "by eye"}}
    found = board(*parts, variants=["x", "y"], domains={"aime": "math", "lcb": "code"}, published=published)
    assert row(found, "x")["reason"] == "one seed: the standard error is over questions only"
    assert (row(found, "x")["published"], row(found, "x")["published_se"]) == (41.6, 0.3)
    assert row(found, "x", "dev_math")["published"] == 64.8 and row(found, "x", "dev_code")["published"] is None
    assert row(found, "x", "lcb")["published"] == 9.0
    theirs = board(*parts[2:], variants=["x", "y"], published=published)
    assert row(theirs, "x", "lcb")["score"] is None and row(theirs, "x", "lcb")["published"] == 9.0
    assert row(theirs, "x")["published"] == 41.6


def test_scores_from_elsewhere_stand_beside_our_own():
    elsewhere = pl.DataFrame(
        [
            {"variant": "y", "seed": 0, "benchmark": "a", "held_out": False, "sample": s, "right": r, "n": 60}
            for s, r in enumerate((0.05, 0.1))
        ],
        schema=ROWS,
    )
    found = board(scores("x", "a", 0.5), elsewhere, variants=["x", "y"])
    assert row(found, "y")["score"] == pytest.approx(7.5) and row(found, "y")["verdict"] == "loses"


def test_two_scores_from_elsewhere_are_told_apart_by_how_many_questions_they_are_of():
    told = {"seed": 0, "benchmark": "a", "held_out": False, "sample": 0}
    for n, verdict in ((400, "loses"), (12, "tie")):
        rows = [told | {"variant": name, "right": right, "n": n} for name, right in (("x", 0.5), ("y", 0.3))]
        found = board(pl.DataFrame(rows, schema=ROWS), variants=["x", "y"])
        assert row(found, "y")["verdict"] == verdict and row(found, "y")["questions"] == n


def test_bad_input_is_named():
    with pytest.raises(BadInput, match="'z', which is no variant; there is: x"):
        board(scores("z", "a", 0.5), variants=["x"])
    one = scores("x", "a", 0.5).filter(question_id="a1")
    with pytest.raises(BadInput, match="a has one question; a standard error needs two"):
        board(one, variants=["x"])
    with pytest.raises(BadInput, match="held out for some variants"):
        board(scores("x", "a", 0.5), scores("y", "a", 0.5, True), variants=["x", "y"])
    with pytest.raises(BadInput, match="'w' is no variant"):
        board(variants=["x"], baseline="w")
