"""The three rules against a naive double loop, and what their evidence tells."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from ot_assets.strategies import apply
from ot_assets.strategies.decontaminate import matching
from ot_resources.interfaces import BadInput
from ot_resources.tokenizers import Qwen2Tokenizer

from ..frames import both, collected, evidence, questions, shared

WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "B", "é"]), max_size=9).map(" ".join)
TEXTS = st.one_of(WORDS, st.text(alphabet="ab ", max_size=12))


def benchmark(*texts: str | None) -> pl.DataFrame:
    return questions(*texts, source="bench").with_columns(pl.col("question_id").str.replace("q", "b"))


def shares_run(text: str, item: str, n: int) -> bool:
    """A run of n words; or, of an item of fewer, all of it, which is all of the text too below four words."""
    left, right = text.lower().split(), item.lower().split()
    length = min(n, len(right))
    if length < min(n, 4):
        return bool(right) and left == right
    runs = [right[i : i + length] for i in range(len(right) - length + 1)]
    return any(left[i : i + length] in runs for i in range(len(left) - length + 1))


@settings(deadline=None)
@given(
    st.lists(st.one_of(TEXTS, st.none()), max_size=8),
    st.lists(st.one_of(TEXTS, st.none()), max_size=6),
    st.sampled_from([10.0, 50.0, 66.7, 75.0, 80.0, 90.1, 95.0, 100.0]),
    st.integers(1, 6),
)
def test_against_the_double_loop(asked, items, threshold, n):
    kept, dropped = both(
        "decontaminate.indel_or_ngram",
        questions(*asked),
        against=benchmark(*items),
        threshold=threshold,
        ngram=n,
    )
    known = [(f"b{i}", item) for i, item in enumerate(items) if item is not None]
    told = dict(zip(dropped["question_id"], evidence(dropped), strict=True))
    for number, text in enumerate(asked):
        ratios = [] if text is None else [(fuzz.ratio(text, item), name) for name, item in known]
        near = [pair for pair in ratios if pair[0] >= threshold]
        sharing = [] if text is None else [name for name, item in known if shares_run(text, item, n)]
        found = told.get(f"q{number}")
        if near:
            best = max(ratio for ratio, _ in near)
            assert found is not None
            assert (found["rule"], found["twin"]) == ("indel", next(name for ratio, name in near if ratio == best))
            assert found["score"] == pytest.approx(best, abs=1e-3)
        elif sharing:
            assert found is not None
            assert found["rule"] in ("ngram", "whole_item")
            assert found["twin"] in sharing
            start, end = found["span"]
            assert len(text[start:end].split()) == found["n"] <= n
            assert shares_run(found["matched"], dict(known)[found["twin"]], found["n"])
        else:
            assert found is None
    assert kept["question_id"].to_list() == [f"q{i}" for i in range(len(asked)) if f"q{i}" not in told]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS, max_size=6))
def test_both_rules_together_are_the_two_apart(asked, items):
    frame, against = questions(*asked), benchmark(*items)
    _, near = both("decontaminate.indel", frame, against=against, threshold=75)
    _, sharing = both("decontaminate.ngram", frame, against=against, n=3)
    _, either = both("decontaminate.indel_or_ngram", frame, against=against, threshold=75, ngram=3)
    assert set(either["question_id"]) == {*near["question_id"], *sharing["question_id"]}


def test_batches_change_nothing(monkeypatch):
    texts = [f"how many {animal} of {n} legs" for animal in ("cats", "dogs", "beetles", "") for n in range(20)]
    frame, against = questions(*texts), benchmark("how many cats of 3 legs", "", "dogs")
    whole = both("decontaminate.indel_or_ngram", frame, against=against, threshold=90)
    monkeypatch.setattr(matching, "_BATCH_ROWS", 7)
    cut = both("decontaminate.indel_or_ngram", frame, against=against, threshold=90)
    assert cut[0].equals(whole[0])
    assert cut[1].equals(whole[1])
    assert 0 < len(cut[0]) < len(texts)


def test_evidence_of_the_indel_rule():
    _, dropped = both("decontaminate.indel", questions("What is 2+2?"), against=benchmark("x", "What is 2+3?"))
    assert dropped.is_empty()
    _, dropped = both(
        "decontaminate.indel", questions("What is 2+2?"), against=benchmark("x", "What is 2+3?"), threshold=75
    )
    assert dropped["drop_reason"].to_list() == ["contaminated"]
    assert evidence(dropped) == [
        {
            "rule": "indel",
            "score": 91.6667,
            "threshold": 75.0,
            "twin": "b1",
            "against": "bench",
            "twin_text": "What is 2+3?",
            "span": [0, 10],
            "matched": "What is 2+",
        }
    ]


def test_evidence_of_the_ngram_rule():
    _, dropped = both(
        "decontaminate.ngram", questions("so, ONE  two three"), against=benchmark("one two x", "two three"), n=2
    )
    told = evidence(dropped)[0]
    assert told == {
        "rule": "ngram",
        "n": 2,
        "tokenizer": "words",
        "twin": "b0",
        "against": "bench",
        "twin_text": "one two x",
        "span": [4, 12],
        "matched": "ONE  two",
    }


@pytest.mark.parametrize("against", [benchmark(), benchmark(None), benchmark("")])
def test_nothing_to_compare_with_drops_nothing(against):
    frame = questions("a question", None)
    kept, _ = both("decontaminate.indel_or_ngram", frame, against=against)
    assert kept.equals(frame)


def test_no_questions():
    kept, dropped = both("decontaminate.indel_or_ngram", questions(), against=benchmark("a"))
    assert kept.is_empty()
    assert dropped.is_empty()


def test_the_tokenizer_is_the_one_given():
    @dataclass(frozen=True)
    class Letters:
        name: str = "letters"

        def tokens(self, text: str) -> list[int]:
            return [ord(letter) for letter in text]

    _, dropped = both(
        "decontaminate.ngram", questions("xxabcxx"), against=benchmark("__abc__"), n=3, tokenizer=Letters()
    )
    assert evidence(dropped)[0]["tokenizer"] == "letters"


def test_against_a_bare_frame_and_a_list_of_files(tmp_path):
    path = tmp_path / "bench.parquet"
    pl.DataFrame({"task": ["what is the sum"]}).write_parquet(path)
    frame = pl.DataFrame({"question": ["what is the sum?", "other"]})
    bare = pl.DataFrame({"question": ["what is the sum"]})
    for against in (bare, [{"path": path, "question": "task"}]):
        kept, dropped = collected(apply("decontaminate.indel", frame, against=against, threshold=90))
        assert kept["question"].to_list() == ["other"]
        assert evidence(dropped)[0]["twin_text"] == "what is the sum"


def test_a_share_instead_of_a_percentage_is_refused():
    with pytest.raises(BadInput, match="'threshold': input should be greater than 1"):
        apply("decontaminate.indel", questions("a"), against=benchmark("b"), threshold=0.75)


def test_the_questions_of_real_traces_are_all_in_the_benchmarks():
    raw = pl.scan_parquet(shared("traces_sky_t1_math")).filter(pl.col("benchmark") == "math500")
    traces = raw.unique("question", keep="first", maintain_order=True)
    kept, dropped = collected(
        apply("decontaminate.indel_or_ngram", traces, against=[shared("bench_math500"), shared("bench_aime24")])
    )
    assert len(dropped) > 100
    assert len(kept) == 0
    assert {told["rule"] for told in evidence(dropped)} == {"indel"}


def test_school_problems_are_not_in_the_benchmarks():
    asked = pl.scan_parquet(shared("math_gsm8k")).head(500)
    kept, dropped = collected(apply("decontaminate.indel_or_ngram", asked, against=[shared("bench_math500")]))
    assert len(kept) == 500
    assert dropped.is_empty()


SHORT = ("Find x.", "What is the sum", "Compute 6 times 7 now please")


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("find  X.", "b0"),
        ("Find x. Then find y.", None),
        ("So: what is THE sum of 2 and 3?", "b1"),
        ("What is a sum", None),
        ("compute 6 times 7 now", None),
    ],
)
def test_a_short_item_is_matched_whole(text, twin):
    """Contained from four words on; below that, only the same words and no more."""
    for rule in ("ngram", "indel_or_ngram"):
        params = {"threshold": 100} if rule == "indel_or_ngram" else {}
        frame = questions(text, None)
        _, dropped = both(f"decontaminate.{rule}", frame, against=benchmark(*SHORT), **params)
        told = evidence(dropped)
        assert [found["twin"] for found in told] == ([twin] if twin else [])
        assert all(found["rule"] == "whole_item" and found["n"] < 13 for found in told)
        _, dropped = both(f"decontaminate.{rule}", frame, against=benchmark(*SHORT), compat="no_short_items", **params)
        assert dropped.is_empty()


def test_how_short_is_short():
    frame, against = questions("Find x. Then find y."), benchmark(*SHORT)
    _, dropped = both("decontaminate.ngram", frame, against=against, whole_from=2)
    assert [(told["twin"], told["matched"]) for told in evidence(dropped)] == [("b0", "Find x.")]
    kept, _ = both("decontaminate.ngram", questions("What is the sum of"), against=against, whole_from=5)
    assert len(kept) == 1


def test_the_longest_run_is_told():
    item = "one two three four five six seven"
    _, dropped = both(
        "decontaminate.ngram", questions(f"zero {item} eight"), against=benchmark("two three four five", item), n=6
    )
    assert [(told["rule"], told["twin"], told["n"]) for told in evidence(dropped)] == [("ngram", "b1", 6)]


def test_a_token_of_qwen2_is_not_a_word():
    """12 words of 14 tokens: the published rule sees the run, words do not."""
    item = "Let $x+y=12$ and $x-y=4$. Find the value of $xy$ in simplest form."
    text = "Given: " + item.removesuffix(" in simplest form.") + " as a number."
    _, dropped = both("decontaminate.ngram", questions(text), against=benchmark(item))
    assert dropped.is_empty()
    _, dropped = both("decontaminate.ngram", questions(text), against=benchmark(item), tokenizer=Qwen2Tokenizer())
    told = evidence(dropped)[0]
    assert (told["rule"], told["tokenizer"], told["n"]) == ("ngram", "qwen2", 13)
    assert told["matched"] in item and text[slice(*told["span"])] == told["matched"]


def test_odd_questions():
    """Null, empty, white space, emoji, Chinese, one word many times, five megabytes: what shares a run goes."""
    run = "一 二 三 🙂 四"
    frame = questions(None, "", " \n", "🙂", f"你好 {run}", "的 " * 100_000, "ab " * 1_700_000 + run, "一二三🙂四")
    _, dropped = both("decontaminate.ngram", frame, against=benchmark("", " ", f"前 {run} 后", None), n=5)
    assert dropped["question_id"].to_list() == ["q4", "q6"]
    assert [(told["matched"], told["span"][1] - told["span"][0]) for told in evidence(dropped)] == [(run, len(run))] * 2
    assert max(map(len, dropped["drop_evidence"])) < 1000
    _, dropped = both("decontaminate.ngram", frame, against=benchmark("🙂", "的"), n=1)
    assert dropped["question_id"].to_list() == ["q3", "q4", "q5", "q6"]


@pytest.mark.parametrize("name", ["decontaminate.indel", "decontaminate.ngram", "decontaminate.indel_or_ngram"])
def test_what_was_dropped_once_may_be_given_again(name):
    frame, against = questions("one two three four", "what is left"), benchmark("one two three four")
    _, dropped = both(name, frame, against=against)
    again = apply(name, dropped, against=benchmark("what is left"))
    assert again.kept.collect()["question_id"].to_list() == ["q0"]
    assert again.kept.collect_schema().names() == frame.columns


@pytest.mark.parametrize(
    ("rule", "name"),
    [("ngram", "n"), ("ngram", "whole_from"), ("indel_or_ngram", "ngram"), ("indel_or_ngram", "whole_from")],
)
def test_a_run_is_not_longer_than_a_book(rule, name):
    with pytest.raises(BadInput, match=f"'{name}': input should be less than or equal to 10000"):
        apply(f"decontaminate.{rule}", questions("a"), against=benchmark("b"), **{name: 2**63})


def test_where_two_texts_share_nothing_no_place_is_told():
    text, item = ("a" * 20_000 + "c" * 40_000, "b" * 20_000 + "c" * 40_000)
    _, dropped = both("decontaminate.indel", questions(text, item), against=benchmark(item), threshold=60)
    near, same = evidence(dropped)
    assert near["score"] == pytest.approx(66.6667) and not {"span", "matched"} & set(near)
    assert same["span"] == [0, 20_000]


def test_an_item_without_an_id_goes_by_its_number():
    against = pl.DataFrame({"question_id": [None, "b"], "question": ["what is it", "else"]})
    _, dropped = both("decontaminate.indel", questions("what is it"), against=against)
    assert evidence(dropped)[0]["twin"] == "0"
