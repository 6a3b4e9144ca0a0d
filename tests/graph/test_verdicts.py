"""No verdict is worked out twice: not for a row that was there, not for another table of the same answers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from ot_assets.graph.verdicts import judged_once
from ot_assets.strategies.registry import find
from ot_resources.interfaces import BadInput
from ot_resources.verdicts import Given, Verdicts

FRAME = pl.DataFrame(
    {
        "question_id": [f"q{n}" for n in range(1000)],
        "reference": [None if n % 50 == 0 else str(n % 7) for n in range(1000)],
        "answer": [f"\\boxed{{{n % 5}}}" for n in range(1000)],
        "other": range(1000),
    }
)


def judge(frame: pl.DataFrame, file: Path, *, version: int = 1, **params: Any) -> tuple[pl.DataFrame, int]:
    """The verdicts as a stage would have them, and how many answers were judged for them."""
    strategy = find("verify", "multiple_choice")
    counted = 0

    def verify(answers: pl.LazyFrame) -> Any:
        nonlocal counted
        for piece in find("verify", "math").function(answers):
            counted += piece.collect().height
            yield piece

    node = SimpleNamespace(
        strategy=SimpleNamespace(
            title=strategy.title, version=version, needs=("answer", "reference"), packages=strategy.packages
        )
    )
    with Verdicts(file) as stored:
        pieces = judged_once(node, params, frame.lazy(), verify, stored)  # type: ignore[arg-type]
        return pl.concat([piece.collect() for piece in pieces]), counted


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([piece.collect() for piece in find("verify", "math").function(frame.lazy())]).drop(
        "verdict_seconds"
    )


def test_verdicts_come_in_order_and_once(tmp_path):
    file = tmp_path / "verdicts.sqlite"
    first, asked = judge(FRAME, file)
    assert asked == 1000
    assert first.drop("verdict_seconds").equals(plain(FRAME))
    again, asked = judge(FRAME, file)
    # no reference is no verdict on the answer, so it is looked at again
    assert asked == FRAME["reference"].null_count()
    assert again.equals(first.with_columns(again["verdict_seconds"]))


def test_only_what_is_new_is_judged(tmp_path):
    file = tmp_path / "verdicts.sqlite"
    known = FRAME.filter(pl.col("reference").is_not_null())
    judge(known, file)
    new = pl.DataFrame({"question_id": ["a"], "reference": ["9"], "answer": [r"\boxed{9}"], "other": [1]})
    mixed = pl.concat([known.head(300), new, known.tail(400).reverse()])
    judged, asked = judge(mixed, file)
    assert asked == 1
    assert judged.drop("verdict_seconds").equals(plain(mixed))


@pytest.mark.parametrize("change", [{"version": 2}, {"seconds": 3}])
def test_another_verifier_judges_anew(tmp_path, change):
    file = tmp_path / "verdicts.sqlite"
    judge(FRAME, file)
    assert judge(FRAME, file, **change)[1] == 1000


def test_no_rows_have_the_columns_of_a_verdict(tmp_path):
    judged, _ = judge(FRAME.head(0), tmp_path / "verdicts.sqlite")
    assert judged.columns == [*FRAME.columns, "verdict", "verdict_by", "verdict_reason", "verdict_seconds"]


def test_the_first_of_a_key_stays(tmp_path):
    with Verdicts(tmp_path / "v") as stored:
        stored.add([(b"a", Given("right", "x", "", 0.0)), (b"a", Given("wrong", "x", "", 0.0))])
        assert stored.have([b"a", b"b"]) == {b"a": Given("right", "x", "", 0.0)}
        assert len(stored.have([b"a"] * 5000)) == 1


def test_a_damaged_file_is_told_in_one_line(tmp_path):
    file = tmp_path / "verdicts.sqlite"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(BadInput, match=r"verdicts\.sqlite: .*; remove the file, and its verdicts are worked out again"):
        Verdicts(file)
