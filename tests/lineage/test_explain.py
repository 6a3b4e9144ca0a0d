"""One row's story over the tables of the small recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from ot_assets.lineage.explain import printable, story, tell
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
