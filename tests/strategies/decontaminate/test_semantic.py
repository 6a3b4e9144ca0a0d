from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.tasks import SAME_PROBLEM
from ot_resources.generators import JUDGE_FOLDER, open_generator
from ot_resources.interfaces import BadInput

from ..fakes import FakeGenerator, failure, says
from ..frames import both, evidence, questions
from ..meanings import Meanings, cosine


def by_letter(request):
    """Two questions are the same problem when they end in the same letter; some cannot be compared."""
    one, other = parts(request)
    if "fail" in other:
        return failure("out of quota")
    return says(reason=f"{one[-1]} and {other[-1]}", same=one[-1] == other[-1])


def parts(request) -> list[str]:
    return re.findall(r"^(?:First|Second) question: (.*)$", request.messages[-1].content, re.MULTILINE)


def judged(frame, items, judge=None, **params):
    judge = judge or FakeGenerator(by_letter)
    params |= {"against": items, "embedder": Meanings(), "generator": judge}
    return *both("decontaminate.semantic", frame, **params), judge


TEXTS = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(0, 6), st.sampled_from("ab")).map(lambda t: "z" * t[0] + " " + t[1])),
    max_size=10,
)


@settings(deadline=None)
@given(TEXTS, TEXTS.filter(any), st.sampled_from([0.9, 0.98]), st.integers(1, 3))
def test_against_every_pair(texts, items, threshold, k):
    kept, dropped, _ = judged(questions(*texts), questions(*items, source="bench"), threshold=threshold, top_k=k)
    found = {}
    for row, text in enumerate(texts):
        if text is None:
            continue
        near = [place for place, item in enumerate(items) if item and cosine(text, item) >= threshold - 1e-7]
        near.sort(key=lambda place: (-round(cosine(text, items[place]), 6), place))
        same = [place for place in near[:k] if items[place][-1] == text[-1]]
        if text in items:
            found[f"q{row}"] = f"q{items.index(text)}"
        elif same:
            found[f"q{row}"] = f"q{same[0]}"
    assert dict(zip(dropped["question_id"], [told["twin"] for told in evidence(dropped)], strict=True)) == found
    assert kept["question_id"].to_list() == [f"q{row}" for row in range(len(texts)) if f"q{row}" not in found]


def test_what_is_told_of_a_removal():
    frame = questions("z first a", "zz of the bench b", "zzz another c")
    kept, dropped, judge = judged(frame, questions("zz bench a", "zz of the bench b", source="bench"))
    assert kept["question_id"].to_list() == ["q2"]
    assert dropped["drop_reason"].to_list() == ["contaminated"] * 2
    assert evidence(dropped) == [
        {
            "rule": "semantic", "score": 0.996195, "threshold": 0.8, "model": "meanings@1", "judge": "fake@1",
            "reason": "a and a", "twin": "q0", "against": "bench", "twin_text": "zz bench a",
            "span": [7, 9], "matched": " a",
        },
        {
            "rule": "semantic", "score": 1.0, "threshold": 0.8, "model": "meanings@1", "twin": "q1",
            "against": "bench", "twin_text": "zz of the bench b", "span": [0, 17], "matched": "zz of the bench b",
        },
    ]  # fmt: skip
    assert [parts(request) for request in judge.asked[: len(judge.asked) // 2]] == [
        ["z first a", "zz bench a"], ["z first a", "zz of the bench b"],
        ["zzz another c", "zz bench a"], ["zzz another c", "zz of the bench b"],
    ]  # fmt: skip
    assert judge.asked[0].messages[0].content.splitlines()[0] == SAME_PROBLEM


def test_what_the_judge_cannot_clear_goes_and_says_why():
    items = questions("z fail a", "zzz a", source="bench")
    kept, dropped, _ = judged(questions("z b", "z a", "z" * 40), items)
    assert kept["question_id"].to_list() == ["q2"]
    assert dropped["drop_reason"].to_list() == ["judge_failed", "contaminated"]
    told = evidence(dropped)
    assert (told[0]["error"], told[0]["twin"], told[0]["judge"]) == ("out of quota", "q0", "fake@1")
    # another pair was compared, and is enough
    assert told[1]["twin"] == "q1"
    assert "error" not in told[1]


def test_odd_rows():
    huge = "z 1 2 " * 800_000
    items = questions(None, "", "z a", huge + "b", source="bench")
    kept, dropped, judge = judged(questions(None, "", " ", huge), items)
    assert kept["question_id"].to_list() == ["q0", "q1", "q2"]
    assert dropped["drop_reason"].to_list() == ["judge_failed"]
    assert "characters, more than 40,000" in evidence(dropped)[0]["error"]
    assert judge.asked == []
    assert judged(questions(), items)[0].is_empty()


@pytest.mark.parametrize("items", [[], [None], ["", " "]])
def test_a_benchmark_without_text(items):
    with pytest.raises(BadInput, match=r"decontaminate\.semantic: 'against': no text in any row"):
        judged(questions("a"), questions(*items))


@pytest.mark.parametrize("wrong", [{"threshold": 1.5}, {"threshold": 0}, {"top_k": 0}])
def test_bad_parameters(wrong):
    with pytest.raises(BadInput, match=rf"decontaminate\.semantic: '{next(iter(wrong))}': "):
        judged(questions("a"), questions("b"), **wrong)


def test_the_embedded_judge_is_asked_and_answers_in_form(teacher):
    """It was not trained for this: what it decides is chance, that it decides is not."""
    items = questions("z What is the sum of 3 and 4?", source="bench")
    with open_generator(f"embedded:{JUDGE_FOLDER}") as judge:
        params = {"against": items, "embedder": Meanings(), "generator": judge}
        split = apply("decontaminate.semantic", questions("zz What is 3 + 4?"), **params)
        kept, dropped = split.kept.collect(), split.dropped.collect()
    assert len(kept) + len(dropped) == 1
    assert dropped["drop_reason"].to_list() in ([], ["contaminated"])
