from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..frames import both, evidence, questions


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a", "bc de", " ", "\n", "\n\n", "\n \t\n", "\r\n", "ä"]), max_size=20).map("".join),
    st.one_of(st.none(), st.just("x y z")),
    st.integers(1, 4),
    st.sampled_from(["words", "characters"]),
)
def test_against_a_plain_reading(answer, reasoning, at_most, by):
    kept, _ = both(
        "select.no_long_paragraphs", questions("q", answer=[answer], reasoning=[reasoning]), at_most=at_most, by=by
    )
    paragraphs: list[list[str]] = [[]]
    for line in f"{reasoning or ''}\n\n{answer}".split("\n"):
        if line.strip():
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    texts = ["\n".join(lines).strip() for lines in paragraphs]
    lengths = [len(text.split()) if by == "words" else len(text) for text in texts]
    assert (len(kept) == 1) == (max(lengths) <= at_most)


def test_the_long_one_is_shown():
    answers = questions("a", "b", answer=["one two\n\nthree four five\n\nsix", "one\n \ntwo"], reasoning=[None, "r"])
    kept, dropped = both("select.no_long_paragraphs", answers, at_most=2)
    assert kept["question_id"].to_list() == ["q1"]
    assert dropped["drop_reason"].to_list() == ["long_paragraph"]
    assert evidence(dropped) == [{"longest": 3, "at_most": 2, "by": "words", "text": "three four five"}]


@pytest.mark.parametrize("answer", [None, "", "\n\n"])
def test_nothing_is_not_long(answer):
    assert len(both("select.no_long_paragraphs", questions("q", answer=[answer], reasoning=[None]))[0]) == 1
