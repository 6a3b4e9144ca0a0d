from __future__ import annotations

import polars as pl

from ot_assets.contracts import CONVERSATION
from ot_assets.strategies import apply
from ot_assets.strategies.format.sky_t1 import SYSTEM
from ot_assets.strategies.registry import find
from ot_assets.strategies.trace_tags import take_apart

from ..frames import both, questions

ANSWERS = questions(
    "good", "thoughtless", "silent",
    sample=[0, 1, 2],
    reasoning=["\nhm\n", None, "hm"],
    answer=["\n4", "4", " "],
    finish_reason=["stop"] * 3,
)  # fmt: skip
WHOLE = "<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n4\n\n<|end_of_solution|>"


def test_thought_and_solution_between_their_marks():
    kept, dropped = both("format.sky_t1", ANSWERS)
    assert kept["conversations"].to_list() == [
        [{"from": "user", "value": "good"}, {"from": "assistant", "value": WHOLE}]
    ]
    assert kept["row_id"].to_list() == ["q0-0"]
    assert {c: kept.schema[c] for c in CONVERSATION} == CONVERSATION
    assert dropped["drop_reason"].to_list() == ["no_reasoning", "no_answer"]


def test_what_it_writes_can_be_taken_apart_again():
    assert take_apart(WHOLE) == ("hm", "4", False)


def test_without_reasoning_a_solution_alone():
    kept, _ = both("format.sky_t1", ANSWERS, require_reasoning=False)
    assert kept["conversations"][1][1]["value"] == "<|begin_of_solution|>\n\n4\n\n<|end_of_solution|>"


def test_the_published_columns_and_the_system_prompt():
    bare = pl.DataFrame({"question": ["q"], "answer": ["a"], "reasoning": ["r"]})
    assert find("format", "sky_t1").publishes == ("system", "conversations")
    assert apply("format.sky_t1", bare).kept.collect()["system"].to_list() == [SYSTEM]
    assert apply("format.sky_t1", bare, system="Think.").kept.collect()["system"].to_list() == ["Think."]


def test_a_cut_solution_stays_open_where_it_is_let_through():
    cut = ANSWERS.head(1).with_columns(pl.lit("length").alias("finish_reason"))
    assert both("format.sky_t1", cut)[1]["drop_reason"].to_list() == ["truncated"]
    kept, _ = both("format.sky_t1", cut, keep_truncated=True)
    assert kept["conversations"][0][1]["value"] == WHOLE.removesuffix("\n\n<|end_of_solution|>")
