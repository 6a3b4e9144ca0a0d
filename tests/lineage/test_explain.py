"""One row's story over the tables of the small recipe."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ot_assets.lineage.explain import _marked, printable, story, tell
from ot_resources.store import Store
from tests.graph.running import make
from tests.recipes.small import KEPT, LEAK, TWICE, math, recipe, write_recipe


@pytest.fixture
def store(tmp_path: Path, data_root: Path) -> Store:
    make(write_recipe(tmp_path))
    return Store(root=str(data_root))


def ids(store: Store, asset: str, question: str) -> list[str]:
    frame = store.latest(tuple(asset.split("/"))).scan().collect()
    return frame.filter(frame["question"] == question)["question_id"].to_list()


def test_a_kept_row_goes_from_its_source_to_the_dataset(store):
    (question,) = ids(store, "small/math/formatted", "What is two and two?")
    events = story(question, store)
    stages = ("questions", "decontaminated", "deduplicated", "answers", "verified", "selected", "formatted")
    assert [e["asset"] for e in events] == [
        "sources/made",
        *(f"small/math/{stage}" for stage in stages),
        "small/dataset",
        "small/metadata",
    ]
    assert {e["status"] for e in events} == {"kept"}
    verified = next(e for e in events if e["asset"] == "small/math/verified")
    assert verified["fields"]["verdict"] == "wrong"
    assert "expected '4', got '5'" in verified["fields"]["verdict_reason"]
    assert story(f"{question}-0", store)[-1]["asset"] == "small/metadata"


def test_the_two_ends_of_a_duplicate(store):
    first, second = ids(store, "small/math/questions", TWICE)
    dropped = story(second, store)[-1]
    assert (dropped["asset"], dropped["status"], dropped["reason"]) == (
        "small/math/deduplicated",
        "dropped",
        "duplicate",
    )
    assert dropped["evidence"]["twin"] == first
    assert dropped["twin"]["question"] == TWICE
    assert story(first, store)[-1]["asset"] == "small/metadata"


def test_a_leak_names_the_benchmark_question(store):
    (question,) = ids(store, "small/math/questions", LEAK)
    dropped = story(question, store)[-1]
    assert dropped["reason"] == "contaminated"
    assert dropped["twin"] == {"asset": "benchmarks/bench", "question": LEAK}
    assert ids(store, "benchmarks/bench", LEAK) == [dropped["evidence"]["twin"]]
    told = tell(question, [dropped])
    assert "x small/math/decontaminated  [decontaminate: indel]" in told
    assert "twin in benchmarks/bench: A train leaves" in told
    assert "rule: indel, score 100.0, threshold 90" in told
    assert "benchmark: bench" in told


def test_what_a_question_shares_is_marked_in_its_surroundings():
    question = "x" * 50 + "What is two and two?" + "y" * 50
    assert _marked(question, [50, 70]) == "…" + "x" * 40 + "⟦What is two and two?⟧" + "y" * 40 + "…"
    assert _marked("abcd", [1, 3]) == "a⟦bc⟧d"
    assert _marked("a" * 500, [0, 499]) == "⟦" + "a" * 60 + "…" + "a" * 60 + "⟧a"
    for span in (None, "all", [1], [3, 1], [0, 99], [-1, 2], ["0", "1"], [0, 4], [2, 2]):
        assert _marked("abcd", span) is None
    assert _marked(None, [0, 1]) is None


def test_a_removal_is_told_in_an_order_of_its_own():
    evidence = {"span": [1, 3], "matched": "bc", "n": 13, "twin": "t", "twin_text": "bc!", "rule": "ngram"}
    event = {"asset": "r/math/decontaminated", "rows": 1, "status": "dropped", "stage": "decontaminate", "fields": {}}
    event |= {"strategy": "ngram", "reason": "contaminated", "evidence": evidence, "match": "a⟦bc⟧d"}
    assert tell("q", [event]).splitlines()[1:] == [
        "x r/math/decontaminated  [decontaminate: ngram]",
        "    dropped: contaminated",
        "    rule: ngram",
        "    twin: t",
        "    twin's text: bc!",
        "    matched: a⟦bc⟧d",
        "    n: 13",
    ]


DEEP = '{"twin": ' + "[" * 60 + "]" * 60 + "}"


@pytest.mark.parametrize(
    "told",
    [
        *("no JSON", "[1]", "3", None, '{"twin": null}', '{"twin": "nobody", "span": "all"}'),
        *(DEEP, "[" * 100_000, '{"twin": ' + "9" * 5_000 + "}"),
    ],
)
def test_evidence_of_any_kind_is_told(store, told):
    frame = store.latest(("small", "math", "deduplicated")).dropped().collect()
    frame = frame.with_columns(pl.lit(told, pl.String).alias("drop_evidence"))
    frame.write_parquet(store.latest(("small", "math", "deduplicated")).path / "dropped.parquet")
    (question,) = frame["question_id"]
    assert "dropped: duplicate" in tell(question, story(question, store))


def test_a_reason_and_the_names_in_evidence_steer_no_terminal():
    event = {
        **{"asset": "r/math/filtered", "rows": 1, "stage": "filter", "strategy": "mine", "status": "dropped"},
        **{"fields": {}, "reason": "so\x1b[2Jit\nis", "evidence": {"na\x1b]0;x\x07me\n+ r/dataset": "v\x1b"}},
    }
    told = tell("row", [event])
    assert all(line.isprintable() for line in told.split("\n"))
    assert len(told.split("\n")) == 4


def test_a_question_that_is_empty_is_dropped_at_its_source(store):
    dropped = store.latest(("sources", "made")).dropped().collect()
    (event,) = story(dropped["question_id"][0], store)
    assert (event["asset"], event["reason"]) == ("sources/made", "empty_question")


def test_an_unknown_row_has_no_story(store):
    assert story("nobody", store) == []
    (question,) = ids(store, "small/math/formatted", "What is two and two?")
    assert all(event["asset"].count("answers") == 0 for event in story(f"{question}-7", store))


def test_a_row_over_the_quota_is_told_too(tmp_path, data_root):
    make(write_recipe(tmp_path, recipe() | {"dataset": {"rows": {"math": 3}}}))
    store = Store(root=str(data_root))
    cut = store.latest(("small", "dataset")).dropped().collect()
    assert cut.height == KEPT - 3
    last = story(cut["row_id"][0], store)[-1]
    assert (last["asset"], last["status"], last["reason"]) == ("small/dataset", "dropped", "over_quota")
    assert last["evidence"]["quota"] == 3


def test_a_row_in_two_recipes_tells_both_stories(tmp_path, store):
    body = recipe() | {"name": "other"}
    math(body)[5] = {"select": "verified"}
    make(write_recipe(tmp_path, body, "other.yaml"))
    (question,) = ids(store, "small/math/formatted", "What is two and two?")
    ends = {event["asset"]: event["status"] for event in story(question, store)}
    assert (ends["small/dataset"], ends["other/math/selected"]) == ("kept", "dropped")
    assert "other/dataset" not in ends


def test_a_row_does_not_steer_the_terminal():
    assert printable("a\x1b]0;title\x07b\nc") == "a\ufffd]0;title\ufffdb\nc"
