from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.tasks import SAME_PROBLEM
from ot_resources.generators import JUDGE_FOLDER, open_generator
from ot_resources.interfaces import BadInput

from ..fakes import FakeGenerator, failure, reply, says
from ..frames import both, evidence, questions
from ..meanings import Meanings, cosine


def parts(request) -> list[str]:
    return re.findall(r"^(?:First|Second) question: (.*)$", request.messages[-1].content, re.MULTILINE)


def by_letter(request):
    """Two questions are the same problem when they end in the same letter; some cannot be compared."""
    one, other = parts(request)
    if "fail" in (one + other):
        return failure("out of quota")
    return says(reason=f"{one[-1]} and {other[-1]}", same=one[-1] == other[-1])


def judged(frame, judge=None, **params):
    judge = judge or FakeGenerator(by_letter)
    return *both("dedup.semantic_judge", frame, embedder=Meanings(), generator=judge, **params), judge


TEXTS = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(0, 6), st.sampled_from("ab")).map(lambda t: "z" * t[0] + " " + t[1])),
    max_size=14,
)


@settings(deadline=None)
@given(TEXTS, st.sampled_from([0.9, 0.98]), st.integers(1, 3))
def test_against_every_pair(texts, threshold, k):
    kept, dropped, _ = judged(questions(*texts), threshold=threshold, top_k=k)
    found = {}
    for later, text in enumerate(texts):
        if text is None:
            continue
        if text in texts[:later]:
            found[f"q{later}"] = f"q{texts.index(text)}"
            continue
        earlier = [place for place in range(later) if texts[place] and texts.index(texts[place]) == place]
        near = [place for place in earlier if cosine(text, texts[place]) >= threshold - 1e-7]
        near.sort(key=lambda place: (-round(cosine(text, texts[place]), 6), place))
        same = [place for place in near[:k] if texts[place][-1] == text[-1]]
        if same:
            found[f"q{later}"] = f"q{same[0]}"
    assert dict(zip(dropped["question_id"], [told["twin"] for told in evidence(dropped)], strict=True)) == found
    assert kept["question_id"].to_list() == [f"q{row}" for row in range(len(texts)) if f"q{row}" not in found]
    assert kept["judge_error"].null_count() == len(kept)


def test_what_is_told_of_a_removal():
    frame = questions("zz first a", "z second a", "zzz third b")
    kept, dropped, judge = judged(frame)
    assert kept["question_id"].to_list() == ["q0", "q2"]
    assert dropped["drop_reason"].to_list() == ["same_meaning"]
    assert evidence(dropped) == [
        {
            "twin": "q0", "twin_text": "zz first a", "score": 0.9962, "rule": "semantic", "threshold": 0.85,
            "model": "meanings@1", "judge": "fake@1", "reason": "a and a", "span": [8, 10], "matched": " a",
        }
    ]  # fmt: skip
    assert len(judge.asked) == 2 * 3
    first = judge.asked[0]
    assert first.messages[0].content.splitlines()[0] == SAME_PROBLEM
    assert parts(first) == ["zz first a", "z second a"]
    assert first.sampling.temperature == 0.0


def test_the_closest_earlier_ones_are_asked_about_and_the_very_text_is_not():
    frame = questions("z a", "zz b", "zzz c", "zzz c", "zzzz d", "z" * 60)
    _, dropped, judge = judged(frame, top_k=2)
    asked = [tuple(parts(request)) for request in judge.asked[: len(judge.asked) // 2]]
    assert asked == [
        ("z a", "zz b"), ("zz b", "zzz c"), ("z a", "zzz c"), ("zzz c", "zzzz d"), ("zz b", "zzzz d"),
    ]  # fmt: skip
    assert [(told["twin"], told["score"], told["reason"]) for told in evidence(dropped)] == [
        ("q2", 1.0, "the same text")
    ]


def test_what_the_judge_cannot_compare_stays_and_says_why():
    frame = questions("z a", "zz fail a", "zzz b", "zzzz a", judge_error=["old", "old", None, None])
    kept, dropped, _ = judged(frame)
    assert kept["question_id"].to_list() == ["q0", "q1", "q2"]
    assert kept["judge_error"].to_list() == [None, "out of quota", "out of quota"]
    # another pair was compared, and is enough
    assert [told["twin"] for told in evidence(dropped)] == ["q0"]


@pytest.mark.parametrize("said", [reply("yes"), says(same="true", reason=""), says(same=True)])
def test_a_reply_of_another_form_is_an_error(said):
    kept, dropped, _ = judged(questions("z a", "zz a"), FakeGenerator(lambda _: said))
    assert dropped.is_empty()
    assert "not of the form" in kept["judge_error"][1]


def test_a_dropped_question_drops_no_third():
    # the second is the first, the third is the second by its letters but far from the first
    def chain(request):
        one, other = parts(request)
        return says(reason="", same=abs(one.count("z") - other.count("z")) <= 1)

    kept, dropped, _ = judged(questions("z", "zz", "zzz"), FakeGenerator(chain), top_k=1)
    assert [told["twin"] for told in evidence(dropped)] == ["q0", "q1"]
    assert kept["question_id"].to_list() == ["q0"]


def test_odd_rows():
    huge = "z 1 2 " * 800_000
    kept, dropped, judge = judged(questions(None, "", " ", "\n", huge, huge + "a", huge, None))
    assert kept["question_id"].to_list() == ["q0", "q1", "q2", "q3", "q4", "q5", "q7"]
    assert judge.asked == []
    assert "characters, more than 40,000" in kept["judge_error"][5]
    assert len(dropped) == 1
    assert judged(questions())[0].is_empty()


@pytest.mark.parametrize("wrong", [{"threshold": 1.5}, {"threshold": 0}, {"top_k": 0}])
def test_bad_parameters(wrong):
    with pytest.raises(BadInput, match=rf"dedup\.semantic_judge: '{next(iter(wrong))}': "):
        judged(questions("a"), **wrong)


def test_the_embedded_judge_is_asked_and_answers_in_form(teacher):
    """It was not trained for this: what it decides is chance, that it decides is not."""
    frame = questions("zz What is 3 + 4?", "z What is the sum of 3 and 4?")
    with open_generator(f"embedded:{JUDGE_FOLDER}") as judge:
        split = apply("dedup.semantic_judge", frame, embedder=Meanings(), generator=judge)
        kept, dropped = split.kept.collect(), split.dropped.collect()
    assert len(kept) + len(dropped) == 2
    assert kept["judge_error"].null_count() == len(kept)
    assert all(told["judge"].startswith("embedded:") for told in evidence(dropped))
