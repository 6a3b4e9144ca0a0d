from __future__ import annotations

import json

import polars as pl
import pytest

from ot_assets.strategies.sources.mapped import Mapping, to_questions
from ot_resources.interfaces import BadInput

CHATS = pl.LazyFrame(
    {
        "messages": [
            [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}],
            [{"role": "user", "content": "only asked"}],
        ],
        "meta": [{"level": 1}, {"level": 2}],
    }
)


def test_a_path_reaches_into_lists_and_structs():
    told = Mapping(question="messages[0].content", reference="meta.level", imported={"answer": "messages[1].content"})
    kept = to_questions(CHATS, source="s", mapping=told, where="w").kept.collect()
    assert kept["question"].to_list() == ["2+2?", "only asked"]
    assert kept["reference"].to_list() == ["1", "2"]
    assert [json.loads(extra)["imported"]["answer"] for extra in kept["extra"]] == ["4", None]


@pytest.mark.parametrize("path", ["messages[0].text", "messages.text", "meta[0]", "nothing[0]", "."])
def test_a_path_to_nothing_is_a_missing_column(path):
    with pytest.raises(BadInput, match="w: 'question': no column"):
        to_questions(CHATS, source="s", mapping=Mapping(question=path), where="w")


def test_of_a_list_of_objects_a_path_is_the_list_of_their_values():
    told = Mapping(question="meta.level", tests={"kind": "asserts", "asserts": "messages.content"})
    kept = to_questions(CHATS, source="s", mapping=told, where="w").kept.collect()
    assert [json.loads(tests)["asserts"] for tests in kept["tests"]] == [["2+2?", "4"], ["only asked"]]


def test_a_list_is_no_question():
    with pytest.raises(BadInput, match="w: 'question': the column 'messages.content' holds List"):
        to_questions(CHATS, source="s", mapping=Mapping(question="messages.content"), where="w")
