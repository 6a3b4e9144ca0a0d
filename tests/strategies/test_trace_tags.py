from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies.trace_tags import SOLUTION, THOUGHTS, take_apart
from ot_resources.generators.reasoning import TAGS, split_reasoning

TAGS_AND_TEXT = [tag for pair in (*THOUGHTS, SOLUTION) for tag in pair] + ["a", " b", "\n"]


def test_the_tags_are_those_that_responses_are_split_at():
    assert THOUGHTS == TAGS


@settings(deadline=None)
@given(st.lists(st.sampled_from(TAGS_AND_TEXT), max_size=8).map("".join))
def test_the_reasoning_is_the_one_that_a_generator_splits_off(text):
    trace = take_apart(text)
    reasoning, answer = split_reasoning(text)
    assert trace.reasoning == reasoning
    if SOLUTION[0] not in text:
        assert trace.answer == answer
    if not any(tag in text for tag in TAGS_AND_TEXT[:6]):
        assert not trace.cut
