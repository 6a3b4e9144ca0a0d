from __future__ import annotations

from random import Random
from string import ascii_lowercase

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz, process

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, collected, evidence, questions, shared

# Few characters and lengths around each other, so that ratios fall on, above and below the threshold.
TEXTS = st.lists(st.one_of(st.none(), st.text(alphabet="ab ä😀", max_size=12)), max_size=25)


def brute(texts: list[str | None], threshold: float) -> dict[int, tuple[int, float]]:
    """Each dropped row with its twin and their ratio, by comparing every pair."""
    found = {}
    for later, text in enumerate(texts):
        twins = [
            (fuzz.ratio(text, earlier), -place)
            for place, earlier in enumerate(texts[:later])
            if text is not None and earlier is not None and fuzz.ratio(text, earlier) >= threshold
        ]
        if twins:
            score, place = max(twins)
            found[later] = (-place, score)
    return found


@settings(deadline=None)
@given(TEXTS, st.sampled_from([50.0, 66.6, 75.0, 80.0, 90.0, 100.0]))
def test_against_every_pair(texts, threshold):
    frame = questions(*texts)
    kept, dropped = both("dedup.indel", frame, threshold=threshold)
    found = brute(texts, threshold)
    assert dropped["question_id"].to_list() == [f"q{row}" for row in sorted(found)]
    assert kept["question_id"].to_list() == [f"q{row}" for row in range(len(texts)) if row not in found]
    told = [(record["twin"], record["score"]) for record in evidence(dropped)]
    assert told == [(f"q{found[row][0]}", round(found[row][1], 4)) for row in sorted(found)]


def test_a_dropped_question_drops_others_in_turn():
    # each differs from the one before by one letter in ten, from the first by two
    kept, dropped = both("dedup.indel", questions("aaaaaaaaaa", "aaaaaaaaab", "aaaaaaaacb"), threshold=90)
    assert kept["question_id"].to_list() == ["q0"]
    assert evidence(dropped)[1] == {
        "twin": "q1", "twin_text": "aaaaaaaaab", "rule": "indel", "score": 90.0, "threshold": 90.0,
        "span": [0, 8], "matched": "aaaaaaaa",
    }  # fmt: skip
    assert set(dropped["drop_reason"]) == {"near_duplicate"}


def test_a_column_named_as_the_evidence_survives():
    frame = questions("abc", "abc", "xyz", score=[1, 2, 3], twin=["x", "y", "z"])
    kept, dropped = both("dedup.indel", frame)
    assert kept["score"].to_list() == [1, 3]
    assert dropped["twin"].to_list() == ["y"]


def cluster(count: int, seed: int) -> pl.DataFrame:
    """Copies of one text, each with five of its 200 letters replaced: any two have a ratio of 95 or more."""
    random = Random(seed)
    text = random.choices(ascii_lowercase, k=200)
    copies = []
    for _ in range(count):
        copy = list(text)
        for place in random.sample(range(200), 5):
            copy[place] = random.choice(ascii_lowercase)
        copies.append("".join(copy))
    return pl.DataFrame({"question": copies})


def test_five_matches_leaves_some_of_a_large_cluster():
    kept = [
        len(apply("dedup.indel", cluster(50, seed), compat=compat).kept.collect())
        for compat in (None, "five_matches")
        for seed in range(10)
    ]
    assert kept[:10] == [1] * 10
    assert 2 <= sum(kept[10:]) / 10 <= 5


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab", min_size=4, max_size=10), max_size=25))
def test_five_matches_is_process_extract(texts):
    unique = list(dict.fromkeys(texts))
    gone = {row for row, text in enumerate(texts) if text in texts[:row]}
    for asked, text in enumerate(unique):
        for _, _, match in process.extract(text, unique, scorer=fuzz.ratio, score_cutoff=75.0):
            if match != asked:
                gone.add(texts.index(unique[max(asked, match)]))
    kept, _ = both("dedup.indel", questions(*texts), threshold=75, compat="five_matches")
    assert kept["question_id"].to_list() == [f"q{row}" for row in range(len(texts)) if row not in gone]


def test_real_questions_that_overlap():
    frames = [pl.read_parquet(shared(name)).select("question") for name in ("math_hendrycks_train", "math_simplerl_8k")]
    sample = pl.concat([frames[0].head(700), frames[1].head(700)])
    kept, dropped = collected(apply("dedup.indel", sample, threshold=90))
    found = brute(sample["question"].to_list(), 90)
    assert dropped["question_id"].to_list() == [str(row) for row in sorted(found)]
    assert len(kept) + len(dropped) == len(sample)
    assert len(found) > 10


def test_a_question_that_is_no_text_is_refused():
    with pytest.raises(BadInput, match=r"dedup.indel: the column 'question' is Int64, not text"):
        apply("dedup.indel", pl.DataFrame({"question": [1, 1]}))
    with pytest.raises(BadInput, match=r"dedup.indel: the column '__row' has a name of the strategies' own"):
        apply("dedup.indel", pl.DataFrame({"question": ["a"], "__row": [1]}))


def test_a_category_is_text():
    frame = pl.DataFrame({"question": ["abc", "abc"]}, schema={"question": pl.Categorical})
    assert len(apply("dedup.indel", frame).kept.collect()) == 1


def test_a_shuffled_input_keeps_the_same_rows_by_the_same_order():
    texts = cluster(30, 1)["question"].to_list() + cluster(30, 2)["question"].to_list()
    frame = questions(*texts, length=[row % 7 for row in range(60)])
    orders = (("-length", "question_id"), ("question_id",))
    whole = [set(both("dedup.indel", frame, threshold=96, order=order)[0]["question_id"]) for order in orders]
    for seed in range(5):
        shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
        assert [
            set(both("dedup.indel", shuffled, threshold=96, order=order)[0]["question_id"]) for order in orders
        ] == whole
    assert 2 <= len(whole[0]) < 60
    assert whole[0] != whole[1]
