"""The filters that ask nobody, on real questions."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ot_assets.strategies import apply

from ..frames import collected, evidence
from .test_fasttext import pytestmark as needs_floret


def read(shared: Path, name: str, **columns: str) -> pl.DataFrame:
    """A shared file with `question`, and more columns of it under the names that strategies know."""
    frame = pl.read_parquet(shared / "data" / f"{name}.parquet")
    more = [pl.col(old).alias(new) for new, old in columns.items()]
    return frame.select(pl.col("row_id").alias("question_id"), pl.lit(name).alias("source"), "question", *more)


def test_mathematics_by_published_rules(shared: Path) -> None:
    frame = read(shared, "math_hendrycks_train").with_columns(reference=pl.lit(r"so \boxed{1}"))
    kept, dropped = collected(apply("filter.math_text", frame))
    # MATH's own training set is among NuminaMath's sources: 7,289 of 7,477 kept there
    assert 0.95 < len(kept) / len(frame) < 0.99
    assert set(dropped["drop_reason"]) == {"figure"}
    assert {told["matched"] for told in evidence(dropped)} == {"figure", "diagram"}
    assert not kept["question"].str.contains("(?i)figure|diagram").any()


def test_olympiads_without_proofs(shared: Path) -> None:
    frame = read(shared, "bench_olympiadbench")
    kept, dropped = collected(apply("filter.no_proofs", frame))
    assert 0 < len(dropped) < 0.1 * len(frame)
    assert dropped["question"].str.contains("(?i)show |prove |proof").all()
    assert not kept["question"].str.contains("(?i)show |prove |proof").any()


def test_contest_tasks_are_whole(shared: Path) -> None:
    frame = read(shared, "code_contests_test", tests="orig_tests", reference="answer")
    kept, dropped = collected(apply("filter.code_text", frame, solution=False))
    assert len(kept) > 0.9 * len(frame)
    assert set(dropped["drop_reason"]) <= {"short", "link", "no_tests"}
    none, dropped = collected(apply("filter.code_text", frame, min_chars=0, words=[]))
    assert none.is_empty()
    assert set(dropped["drop_reason"]) == {"no_solution"}, "the shared file has no solutions"


@pytest.mark.parametrize("name", ["math_cmath_zh", "math_gaokao_cloze_zh", "science_gaokao_zh"])
def test_chinese_questions_go_and_can_be_had(shared: Path, name: str) -> None:
    frame = read(shared, name)
    english, dropped = collected(apply("filter.language", frame, keep=["en"]))
    assert len(english) <= 1
    assert {told["language"] for told in evidence(dropped)} <= {"zh", "ja"}
    chinese, _ = collected(apply("filter.language", frame, keep=["zh"]))
    assert len(chinese) >= len(frame) - 1


@pytest.mark.parametrize("name", ["math_gsm8k", "bench_math500", "bench_humaneval", "science_mmlu", "bench_codeelo"])
def test_no_english_question_goes(shared: Path, name: str) -> None:
    _, dropped = collected(apply("filter.language", read(shared, name)[:1000], keep=["en"]))
    assert dropped.is_empty()


def test_the_hardest_by_the_numbers_of_the_source(shared: Path) -> None:
    frame = read(shared, "math_simplerl_8k", level="orig_level")
    kept, dropped = collected(apply("filter.score", frame, column="level", keep=2000))
    assert len(kept) == 2000
    assert kept["level"].min() >= dropped["level"].max()


@needs_floret
def test_fasttext_tells_contests_from_word_problems(shared: Path) -> None:
    contests, school = read(shared, "math_aime_1983_2023"), read(shared, "math_gsm8k")[:1000]
    frame = pl.concat([read(shared, "bench_amc23"), read(shared, "math_svamp")[:40]])
    kept, dropped = collected(
        apply("filter.fasttext", frame, positives=contests, negatives=school, dim=32, buckets=20_000, keep=40)
    )
    assert (kept["source"] == "bench_amc23").sum() >= 34
    assert kept["fasttext_score"].min() >= max(told["score"] for told in evidence(dropped))
