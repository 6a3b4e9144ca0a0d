from __future__ import annotations

import random
import sys
import tempfile
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies.fasttext_model import Settings, one_line, train
from ot_resources.interfaces import BadInput

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 13) and find_spec("floret") is None, reason="floret has no wheel for this Python"
)

SMALL = Settings(dim=8, epochs=20, word_ngrams=2, min_count=1, buckets=500)
NUMBERS = [f"find the prime number {n} and its sum" for n in range(30)]
TABLES = [f"select the column {n} from a table" for n in range(30)]


def test_it_learns_the_two_kinds():
    scores = train(NUMBERS, TABLES, SMALL, "here").score(
        ["find the number and its prime sum", "select a column\nfrom the table"]
    )
    assert scores[0] > 0.7
    assert scores[1] < 0.3


def test_the_same_texts_in_any_order_give_the_same_scores():
    shuffled = random.Random(0).sample(NUMBERS, len(NUMBERS))
    first, second = (train(texts, TABLES, SMALL, "here").score(TABLES) for texts in (NUMBERS, shuffled))
    assert first == second
    assert first != train(NUMBERS, TABLES, Settings(**{**vars(SMALL), "seed": 1}), "here").score(TABLES)


def test_scores_are_probabilities_and_empty_texts_have_none():
    scores = train(NUMBERS * 20, TABLES * 20, SMALL, "here").score(
        [None, "", " \n", *NUMBERS, "zzz unknown", "__label__QA_doc"]
    )
    assert scores[:3] == [None] * 3
    assert all(0 <= score <= 1 for score in scores[3:])


def test_a_text_cannot_name_its_own_label():
    bad = [f"__label__QA_doc </s> {text}" for text in TABLES]
    classifier = train(NUMBERS, bad, SMALL, "here")
    assert max(classifier.score(bad)) < 0.3
    assert min(classifier.score(NUMBERS)) > 0.7


@given(
    st.text() | st.lists(st.sampled_from(["__label__x", "</s>", "\0", "\n", "\u2028", "a", " ", "\ud800"])).map("".join)
)
def test_one_line_is_one_line(text):
    line = one_line(text)
    assert line == " ".join(line.split())
    assert "\n" not in line
    assert not any(word.startswith("__label__") or word == "</s>" for word in line.split())
    assert len(line.split()) == len(text.replace("\0", " ").split())
    line.encode()


@pytest.mark.parametrize(
    ("positives", "negatives", "settings", "message"),
    [
        ([], TABLES, SMALL, "'positives': no text"),
        (NUMBERS, [None, " "], SMALL, "'negatives': no text"),
        (["a b"], ["c d"], Settings(dim=4, buckets=10), "no word of positives and negatives occurs 3 times"),
    ],
)
def test_nothing_to_learn_from(positives, negatives, settings, message):
    with pytest.raises(BadInput, match=f"here: {message}"):
        train(positives, negatives, settings, "here")


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    train(NUMBERS, TABLES, SMALL, "here")
    assert list(tmp_path.iterdir()) == []
