from __future__ import annotations

import re
import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.dedup import exact
from ot_resources.interfaces import BadInput

from ..frames import both, collected, evidence, questions, shared

TEXTS = st.one_of(
    st.sampled_from(["a", "b", "a ", "A", "", "ä", "a\u0308", "a?", "5!", "5", " a\n a", "a a", "你好。", "🙂", None]),
    st.text(alphabet="aA \t\u3000.?!", max_size=4),
)


def normalised(text: str, normalise: str) -> str:
    if normalise == "text":
        text = re.sub(r"[\s.?。？]+$", "", unicodedata.normalize("NFC", text).lower())
    return text if normalise == "none" else " ".join(text.split())


@settings(deadline=None)
@given(
    st.lists(st.tuples(TEXTS, st.sampled_from([0, 1, 2, None])), max_size=20),
    st.sampled_from(["none", "spaces", "text"]),
    st.booleans(),
    st.booleans(),
)
def test_against_the_plain_loop(rows, normalise, by_score, weak):
    frame = questions(*(text for text, _ in rows), score=pl.Series([score for _, score in rows], dtype=pl.Int64))
    params = {"order": ["-score"]} if by_score else {}
    with pytest.MonkeyPatch.context() as patch:
        if weak:  # a hash that many texts share, and parts of a few texts
            patch.setattr(exact, "_hash", lambda text: text.str.len_chars() % 2)
            patch.setattr(exact, "_MOST_BYTES", 3)
        kept, dropped = both("dedup.exact", frame, normalise=normalise, **params)
    score = [-1 if score is None or not by_score else score for _, score in rows]
    first: dict[str, int] = {}
    twins: dict[int, int] = {}
    for row in sorted(range(len(rows)), key=lambda row: (-score[row], row)):
        text = rows[row][0]
        if text is not None and (earlier := first.setdefault(normalised(text, normalise), row)) != row:
            twins[row] = earlier
    assert kept["question_id"].to_list() == [f"q{row}" for row in range(len(rows)) if row not in twins]
    assert dropped["question_id"].to_list() == [f"q{row}" for row in sorted(twins)]
    assert [told["twin"] for told in evidence(dropped)] == [f"q{twins[row]}" for row in sorted(twins)]
    assert [told["twin_text"] for told in evidence(dropped)] == [rows[twins[row]][0] for row in sorted(twins)]
    assert set(dropped["drop_reason"]) <= {"duplicate"}


def test_what_the_evidence_tells():
    _, dropped = both("dedup.exact", questions("ä" * 300, "ä" * 300 + " "), normalise="spaces")
    assert evidence(dropped) == [
        {
            "twin": "q0",
            "twin_text": "ä" * 200,
            "rule": "exact",
            "score": 100.0,
            "span": [0, 301],
            "matched": "ä" * 200,
            "normalise": "spaces",
        }
    ]


def test_a_shuffled_input_keeps_the_same_rows_for_the_same_order():
    frame = questions(*(f"question {number % 7}" for number in range(50)))
    kept, _ = both("dedup.exact", frame, order=["question_id"])
    again, _ = both("dedup.exact", frame.sample(fraction=1, shuffle=True, seed=1), order=["question_id"])
    assert set(kept["question_id"]) == set(again["question_id"])
    assert len(kept) == 7


def test_a_question_of_five_megabytes():
    long = "ab " * 1_700_000
    kept, dropped = both("dedup.exact", questions(long, "c", long))
    assert kept["question_id"].to_list() == ["q0", "q1"]
    assert len(dropped["drop_evidence"][0]) < 1000


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"normalise": "all"}, "'normalise': input should be 'none', 'spaces' or 'text'"),
        ({"order": ["x"]}, "column 'x'"),
    ],
)
def test_what_it_does_not_know(params, said):
    with pytest.raises(BadInput, match=said):
        apply("dedup.exact", questions("a"), **params)


def test_a_raw_file_with_its_own_columns():
    raw = pl.scan_parquet(shared("code_contests_test"))
    twice = pl.concat([raw, raw])
    kept, dropped = collected(apply("dedup.exact", twice))
    assert kept["question"].n_unique() == len(kept) <= 165
    assert len(kept) + len(dropped) == 330
    assert kept.columns == ["question_id", *raw.collect_schema().names()]


@pytest.mark.parametrize("normalise", ["none", "spaces"])
def test_a_copy_goes_where_the_first_one_has_no_id(normalise):
    frame = questions("a", "b", "a", "a").with_columns(question_id=pl.Series([None, "x", "y", None], dtype=pl.String))
    kept, dropped = both("dedup.exact", frame, normalise=normalise)
    assert kept["question_id"].to_list() == [None, "x"]
    assert dropped["question_id"].to_list() == ["y", None]
    assert [(told["twin"], told["twin_text"]) for told in evidence(dropped)] == [(None, "a")] * 2


def test_only_a_question_column():
    kept = apply("dedup.exact", pl.DataFrame({"question": ["b", "a", "b"]})).kept.collect()
    assert kept["question"].to_list() == ["b", "a"]
    assert kept["question_id"].to_list() == ["0", "1"]
