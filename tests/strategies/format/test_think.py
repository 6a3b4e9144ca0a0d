from __future__ import annotations

import polars as pl
import pytest

from ot_assets.contracts import CONVERSATION
from ot_assets.strategies import apply
from ot_assets.strategies.registry import find

from ..frames import both, evidence, questions

ANSWERS = questions(
    "good", "cut", "thoughtless", "tagged", "tagged too", "silent",
    sample=[0, 1, 0, 0, 0, 0],
    domain=["math"] * 6,
    reasoning=["\nhm\n", "hm", None, "a <think> b", "hm", "hm"],
    answer=["\n4", "4", "4", "4", "</think>4", " \n"],
    finish_reason=["stop", "length", "stop", "stop", "stop", "stop"],
    extra=['{"difficulty": 7}'] * 6,
)  # fmt: skip


def test_human_and_gpt():
    kept, dropped = both("format.think_human_gpt", ANSWERS)
    assert kept["row_id"].to_list() == ["q0-0"]
    assert kept["conversations"].to_list() == [
        [{"from": "human", "value": "good"}, {"from": "gpt", "value": "<think>\nhm\n</think>\n\n4"}]
    ]
    assert {c: kept.schema[c] for c in CONVERSATION} == CONVERSATION
    assert dropped["drop_reason"].to_list() == [
        "truncated", "no_reasoning", "unbalanced_tags", "unbalanced_tags", "no_answer",
    ]  # fmt: skip
    assert evidence(dropped)[0] == {"rule": "truncated", "finish_reason": "length", "sample": 1}


def test_user_and_assistant():
    kept, _ = both("format.think", ANSWERS)
    assert [turn["from"] for turn in kept["conversations"][0]] == ["user", "assistant"]
    assert kept["id"].to_list() == ["q0-0"]


@pytest.mark.parametrize("name", ["think", "think_human_gpt"])
def test_the_published_columns_are_there(name):
    bare = pl.DataFrame({"question": ["q"], "answer": ["a"], "reasoning": ["r"]})
    kept = apply(f"format.{name}", bare).kept.collect()
    assert set(find("format", name).publishes) <= set(kept.columns)
    assert kept["row_id"].to_list() == ["0-0"]


def test_answers_without_reasoning_are_formatted_alone_where_allowed():
    kept, dropped = both("format.think", ANSWERS, require_reasoning=False)
    assert kept["question"].to_list() == ["good", "thoughtless"]
    assert kept["conversations"][1][1]["value"] == "4"
    assert "no_reasoning" not in dropped["drop_reason"].to_list()


@pytest.mark.parametrize(
    ("extra", "difficulty"),
    [
        ('{"difficulty": 7}', 7),
        ('{"difficulty": -1}', -1),
        ('{"difficulty": 7.5}', None),
        ('{"difficulty": "hard"}', None),
        ('{"difficulty": null}', None),
        ("{}", None),
        ("broken", None),
        (None, None),
    ],
)
def test_difficulty_is_an_integer_or_null(extra, difficulty):
    frame = ANSWERS.head(1).with_columns(pl.lit(extra, pl.String).alias("extra"))
    kept, _ = both("format.think_human_gpt", frame)
    assert kept["difficulty"].to_list() == [difficulty]
    assert kept.schema["difficulty"] == pl.Int64


def test_a_frame_of_null_columns():
    frame = questions("a", sample=[0], reasoning=[None], answer=[None], finish_reason=[None])
    kept, dropped = both("format.think", frame)
    assert kept.is_empty()
    assert dropped["drop_reason"].to_list() == ["no_reasoning"]
    assert both("format.think", frame, require_reasoning=False)[1]["drop_reason"].to_list() == ["no_answer"]


def test_an_imported_answer_needs_no_reasoning():
    rows = pl.DataFrame(
        {
            "question_id": ["a", "b"],
            "sample": [0, 0],
            "question": ["q", "q"],
            "answer": ["x", "y"],
            "reasoning": [None, None],
            "response_id": ["imported-a", "0123456789abcdef"],
        },
        schema_overrides={"reasoning": pl.String},
    )
    halves = apply("format.think", rows)
    assert halves.kept.collect()["question_id"].to_list() == ["a"]
    assert halves.dropped.collect()["drop_reason"].to_list() == ["no_reasoning"]


CUT = questions(
    "open", "late", "cut", "bare", "whole", "stray",
    sample=[0] * 6,
    reasoning=[None, None, "hm", None, "hm", None],
    answer=["<think>on and", "Well, <|begin_of_thought|>on", "fou", "fou", "four", "<think>on <|end_of_solution|>"],
    finish_reason=["stop", "stop", "length", "length", "stop", "length"],
)  # fmt: skip


@pytest.mark.parametrize("name", ["think", "think_human_gpt", "sky_t1"])
def test_an_open_thought_is_truncated_whatever_the_finish_reason_says(name):
    kept, dropped = both(f"format.{name}", CUT)
    assert kept["question"].to_list() == ["whole"]
    assert dropped["drop_reason"].to_list() == ["truncated"] * 5
    assert "truncated" not in kept.columns


def test_truncated_rows_are_let_through_as_they_were_cut_and_marked():
    kept, dropped = both("format.think", CUT, keep_truncated=True)
    assert kept.select("question", "truncated").rows() == [
        ("open", True), ("cut", True), ("bare", True), ("whole", False),
    ]  # fmt: skip
    assert kept["conversations"].list.last().struct.field("value").to_list() == [
        "<think>\non and", "<think>\nhm\n</think>\n\nfou", "fou", "<think>\nhm\n</think>\n\nfour",
    ]  # fmt: skip
    assert dropped["drop_reason"].to_list() == ["unbalanced_tags", "unbalanced_tags"]


def test_nothing_at_all_is_not_let_through():
    frame = questions("q", sample=[0], reasoning=[None], answer=[None], finish_reason=["length"])
    assert both("format.think", frame, keep_truncated=True)[1]["drop_reason"].to_list() == ["no_answer"]


@pytest.mark.parametrize("tag", ["<|begin_of_thought|>", "<|end_of_thought|>", "<|end_of_solution|>", "</think>"])
@pytest.mark.parametrize("name", ["think", "think_human_gpt", "sky_t1"])
def test_a_stray_mark_of_any_release_is_unbalanced(name, tag):
    frame = questions("a", "b", sample=[0, 0], reasoning=[f"a {tag} b", "r"], answer=["x", f"a {tag} b"])
    assert both(f"format.{name}", frame)[1]["drop_reason"].to_list() == ["unbalanced_tags"] * 2


@pytest.mark.parametrize("name", ["think", "think_human_gpt", "sky_t1"])
def test_the_row_shows_the_prefix(name):
    kept, _ = both(f"format.{name}", questions("2+2?", sample=[0], reasoning=["r"], answer=["4"]), prefix="boxed")
    assert kept["conversations"][0][0]["value"] == "Put the final answer in \\boxed{}.\n\n2+2?"
    assert kept["question"].to_list() == ["2+2?"]
