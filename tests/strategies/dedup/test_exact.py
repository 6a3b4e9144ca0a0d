from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies import apply

from ..frames import both, collected, evidence, questions, shared


@given(st.lists(st.sampled_from(["a", "b", "a ", "A", "", "ä", None]), max_size=20))
def test_against_the_plain_loop(texts):
    frame = questions(*texts)
    kept, dropped = both("dedup.exact", frame)
    first: dict[str, str] = {}
    stay, twins = [], []
    for question_id, text in zip(frame["question_id"], texts, strict=True):
        if text is not None and text in first:
            twins.append(first[text])
        else:
            stay.append(question_id)
            first[text] = question_id
    assert kept["question_id"].to_list() == stay
    assert [told["twin"] for told in evidence(dropped)] == twins
    assert set(dropped["drop_reason"]) <= {"duplicate"}


def test_twin_text_is_cut_at_200_characters():
    _, dropped = both("dedup.exact", questions("ä" * 300, "ä" * 300))
    assert evidence(dropped)[0]["twin_text"] == "ä" * 200


def test_a_raw_file_with_its_own_columns():
    raw = pl.scan_parquet(shared("code_contests_test"))
    twice = pl.concat([raw, raw])
    kept, dropped = collected(apply("dedup.exact", twice))
    assert kept["question"].n_unique() == len(kept) <= 165
    assert len(kept) + len(dropped) == 330
    assert kept.columns == ["question_id", *raw.collect_schema().names()]


def test_only_a_question_column():
    kept = apply("dedup.exact", pl.DataFrame({"question": ["b", "a", "b"]})).kept.collect()
    assert kept["question"].to_list() == ["b", "a"]
    assert kept["question_id"].to_list() == ["0", "1"]
