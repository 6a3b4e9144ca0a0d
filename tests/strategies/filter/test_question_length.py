from __future__ import annotations

import json

import polars as pl

from ot_assets.strategies import apply

from ..frames import collected


def test_a_question_of_too_many_tokens_goes_and_tells_how_many():
    frame = pl.DataFrame({"question": ["one two three", "one two three four five", None, ""]})
    kept, dropped = collected(apply("filter.question_length", frame, max_tokens=4))
    assert kept["question"].to_list() == ["one two three", None, ""]
    assert dropped["drop_reason"].to_list() == ["too_long"]
    assert json.loads(dropped["drop_evidence"][0]) == {"tokens": 5, "most": 4, "tokenizer": "words"}


def test_long_in_characters_alone_is_not_too_long():
    frame = pl.DataFrame({"question": ["incomprehensibilities " * 3]})
    kept, _ = collected(apply("filter.question_length", frame, max_tokens=4))
    assert len(kept) == 1
