from __future__ import annotations

import json

import polars as pl

from ot_assets.strategies import apply

from ..frames import collected

ROWS = pl.DataFrame(
    {
        "question_id": [f"q{n}" for n in range(12)],
        "source": ["a"] * 9 + ["b"] * 3,
        "extra": [json.dumps({"topic": "x" if n % 3 else None, "n": n}) for n in range(12)],
    }
)


def test_each_group_of_each_source_gives_its_share_and_says_who_is_full():
    kept, dropped = collected(apply("mix.per_group", ROWS, by="topic", n=2))
    assert kept["source"].value_counts().sort("source").rows() == [("a", 4), ("b", 3)]
    assert set(dropped["drop_reason"]) == {"group_full"}
    evidence = json.loads(dropped["drop_evidence"][0])
    assert evidence["rank"] > evidence["keep"] == 2
    assert kept["question_id"].to_list() == [q for q in ROWS["question_id"] if q in set(kept["question_id"])]


def test_an_added_row_disturbs_only_its_own_group():
    more = pl.concat([ROWS, pl.DataFrame({"question_id": ["new"], "source": ["a"], "extra": ['{"topic": "y"}']})])
    before = set(collected(apply("mix.per_group", ROWS, by="topic", n=2))[0]["question_id"])
    after = set(collected(apply("mix.per_group", more, by="topic", n=2))[0]["question_id"])
    assert after == before | {"new"}


def test_another_seed_draws_others():
    draws = {
        tuple(collected(apply("mix.per_group", ROWS, by="topic", n=1, seed=seed))[0]["question_id"])
        for seed in range(8)
    }
    assert len(draws) > 1
