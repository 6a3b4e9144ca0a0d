"""What is looked at in a study's tables."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace

import polars as pl

from ot_assets.contracts import STUDENT
from ot_assets.graph import scoring
from ot_assets.graph.checking import _why_none
from ot_assets.graph.checks import Check


@dataclass
class Rows:
    """A table as a check sees it."""

    kept: pl.DataFrame
    lost: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"benchmark": pl.String, "drop_reason": pl.String})
    )

    @property
    def rows(self) -> int:
        return self.kept.height

    @property
    def reasons(self) -> Counter[str]:
        return Counter(self.lost["drop_reason"].to_list())

    def scan(self) -> pl.LazyFrame:
        return self.kept.lazy()

    def dropped(self) -> pl.LazyFrame:
        return self.lost.lazy()


def lost(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"benchmark": pl.String, "drop_reason": pl.String}, orient="row")


SCORED = pl.DataFrame({"benchmark": ["a", "a", "b"], "right": [1.0, 0.0, 1.0]})
BENCHMARK = pl.LazyFrame(
    {"source": ["aime24"], "question_id": ["a7"], "question": ["What is 2 + 2?"], "reference": ["4"]}
)


def test_a_leak_names_benchmark_item_and_row_and_stops_the_variant():
    rows = pl.DataFrame({"row_id": ["r1", "r2", "r3"], "question": ["Other?", "what is  2 + 2?", "What is 2 + 2?"]})
    check = scoring.overlap_check(Rows(rows), BENCHMARK)  # type: ignore[arg-type]
    assert not check.passed and check.blocking
    assert check.message.startswith("aime24: question a7 is row r2: 'what is 2 + 2?'; 1 more")
    assert [row["row_id"] for row in check.shown] == ["r2", "r3"]
    assert scoring.overlap_check(Rows(rows[:1]), BENCHMARK).passed  # type: ignore[arg-type]


def test_a_benchmark_without_scores_is_named_and_stops_nothing_that_was_paid_for():
    table = Rows(SCORED, lost(("c", "not_verifiable"), ("c", "not_verifiable"), ("a", "request_failed")))
    scored, checked = scoring.scores_checks(table)  # type: ignore[arg-type]
    assert not scored.passed and not scored.blocking and checked.passed
    assert scored.message == "no score on c: not_verifiable; the mean is over the others"
    unchecked = scoring.scores_checks(Rows(SCORED, lost(("b", "not_checked"))))  # type: ignore[arg-type]
    assert [check.passed for check in unchecked] == [True, False]
    assert "1 answers could not be checked (25.0%)" in unchecked[1].message


def test_the_embedded_student_and_a_diverged_seed_are_told():
    rows = pl.DataFrame([dict.fromkeys(STUDENT) | {"seed": 0, "base": "embedded:student@12"}], schema=STUDENT)
    told = lost(("", "diverged"))
    real, trained = scoring.student_checks(Rows(rows, told))  # type: ignore[arg-type]
    assert not real.passed and not real.blocking and not trained.passed
    assert trained.message == "1 students, 1 diverged and are left out"
    real, trained = scoring.student_checks(Rows(rows.with_columns(base=pl.lit("Qwen/Qwen2.5-7B"))))  # type: ignore[arg-type]
    assert real.passed and "Qwen" in real.message and trained.passed


def test_where_all_seeds_diverge_it_is_told_what_to_change():
    error = json.dumps({"error": "diverged at step 3: loss nan"})
    gone = pl.DataFrame({"drop_reason": ["diverged"] * 2, "drop_evidence": [error] * 2})
    none = Check("rows_present", False, "0 rows; dropped: diverged 2")
    told = _why_none(none, Rows(pl.DataFrame(schema=STUDENT), gone))  # type: ignore[arg-type]
    assert told.message == "no student: diverged at step 3: loss nan; lower `rate`" and not told.passed
    some = replace(none, passed=True)
    assert _why_none(some, Rows(pl.DataFrame(schema=STUDENT), gone)) == some  # type: ignore[arg-type]


def test_a_question_that_chooses_and_is_held_out_is_named_and_stops_the_variant():
    copied = pl.LazyFrame(
        {
            "source": "copy",
            "question_id": ["c1", "c2"],
            "question": ["Else?", "what is 2 +  2?"],
            "reference": [None, "4"],
        }
    )
    check = scoring.apart_check(BENCHMARK, copied)
    assert not check.passed and check.blocking
    assert check.message.startswith("question a7 of aime24 chooses, and copy holds it out: 'what is 2 +  2?'; leave it")
    assert [row["question_id"] for row in check.shown] == ["a7"]
    assert scoring.apart_check(BENCHMARK, copied.head(1)).passed
    chosen_from = copied.with_columns(reference=pl.lit("(B)"))
    assert scoring.apart_check(BENCHMARK, chosen_from).passed, "of choices many are asked in the same words"
    assert scoring.apart_check(BENCHMARK, BENCHMARK.clear()).passed
