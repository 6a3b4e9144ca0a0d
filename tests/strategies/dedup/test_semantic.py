from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.similarity.quantities import quantities
from ot_assets.strategies import apply
from ot_resources.embedder import MINILM, SentenceEmbedder, packaged_minilm
from ot_resources.interfaces import BadInput
from tests.conftest import require

from ..frames import both, evidence, questions
from ..meanings import Meanings, cosine

TEXTS = st.lists(
    st.one_of(st.none(), st.lists(st.sampled_from("zoo buzz buzzz some 1 2 + -".split()), max_size=6).map(" ".join)),
    max_size=16,
)


def counts(text: str) -> int:
    return len({entry for entry in quantities(text) if entry[0].isdigit()})


@settings(deadline=None)
@given(TEXTS, st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_against_every_pair(texts, threshold):
    kept, dropped = both("dedup.semantic", questions(*texts), embedder=Meanings(), threshold=threshold)
    found = {}
    for later, text in enumerate(texts):
        same = [place for place in range(later) if text is not None and texts[place] == text]
        twins = [
            (round(cosine(text, texts[place]), 4), -place)
            for place in range(later)
            if text is not None and texts[place] is not None and text.strip() and texts[place] not in texts[:place]
            and texts[place].strip() and cosine(text, texts[place]) >= threshold - 1e-7
            and quantities(text) == quantities(texts[place]) and counts(text) >= 2
        ]  # fmt: skip
        if same:
            found[f"q{later}"] = (1.0, -same[0])
        elif twins:
            found[f"q{later}"] = max(twins)
    assert dropped["question_id"].to_list() == list(found)
    assert len(kept) == len(texts) - len(found)
    assert [(told["score"], told["twin"]) for told in evidence(dropped)] == [
        (pytest.approx(score, abs=1e-4), f"q{-place}") for score, place in found.values()
    ]


def test_what_is_told_of_a_removal():
    frame = questions("buzz the sum of 3 and 4", "zoo of 3 and 4 the sum", "zoo and the product of 3 and 4")
    kept, dropped = both("dedup.semantic", frame, embedder=Meanings())
    assert kept["question_id"].to_list() == ["q0", "q1", "q2"]
    kept, dropped = both("dedup.semantic", questions("buzz add 3 and 4", "zoo 3 and 4, add them"), embedder=Meanings())
    assert kept["question_id"].to_list() == ["q0", "q1"]
    kept, dropped = both("dedup.semantic", questions("buzz take 3 and 4", "zoo 3 and 4 are taken"), embedder=Meanings())
    assert kept["question_id"].to_list() == ["q0"]
    assert evidence(dropped) == [
        {
            "twin": "q0", "twin_text": "buzz take 3 and 4", "score": 0.9962, "rule": "semantic", "threshold": 0.9,
            "model": "meanings@1", "span": [4, 11], "matched": "3 and 4",
        }
    ]  # fmt: skip
    assert dropped["drop_reason"].to_list() == ["same_meaning"]


def test_a_meaning_without_numbers_is_not_enough():
    texts = [
        "zz which is heavier, steel or a feather",
        "zz which is heavier, a feather or steel",
        "zz 3 and 3",
        "zz 3, 3",
    ]
    kept, _ = both("dedup.semantic", questions(*texts), embedder=Meanings())
    assert kept["question"].to_list() == texts


def test_odd_rows():
    huge = "z 1 2 " * 800_000
    frame = questions(None, "", " ", "", "\n", huge, huge, None)
    kept, dropped = both("dedup.semantic", frame, embedder=Meanings())
    assert kept["question_id"].to_list() == ["q0", "q1", "q2", "q4", "q5", "q7"]
    assert [(told["twin"], told["score"]) for told in evidence(dropped)] == [("q1", 1.0), ("q5", 1.0)]
    assert both("dedup.semantic", questions(), embedder=Meanings())[0].is_empty()


@pytest.mark.parametrize("threshold", [0, 1.01, 95])
def test_a_threshold_out_of_range(threshold):
    with pytest.raises(BadInput, match=r"dedup\.semantic: 'threshold': "):
        apply("dedup.semantic", questions("a"), embedder=Meanings(), threshold=threshold)


@pytest.fixture(scope="module")
def minilm() -> SentenceEmbedder:
    require("minilm", packaged_minilm() is not None, "install the extra 'local'")
    return SentenceEmbedder()


def test_a_real_model_with_real_wordings(minilm):
    texts = [
        "How many cookies would you have if you had 37 bags of cookies with 19 cookies in each bag?",
        "If you had 37 bags of cookies with 19 cookies in each bag, how many cookies would you have?",
        "If you had 38 bags of cookies with 19 cookies in each bag, how many cookies would you have?",
        "Thirty-seven bags of cookies with nineteen cookies in each bag: how many cookies would you have?",
        "There were 44 laptops in the shop, and Mike divided them equally into 5 rows. How many are left?",
        "There were 44 laptops in the shop, and Mike divided them equally into 5 rows. How many are there in each row?",
    ]
    kept, dropped = both("dedup.semantic", questions(*texts), embedder=minilm)
    assert kept["question_id"].to_list() == ["q0", "q2", "q4", "q5"]
    assert {told["model"] for told in evidence(dropped)} == {MINILM}
