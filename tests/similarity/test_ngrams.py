"""Shared runs against the plain double loop, also where hashes tell nothing; and odd texts."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.similarity.ngrams import Ngrams, Run, tokenised
from ot_assets.similarity.words import Words
from ot_resources.interfaces import PlacedTokenizer, Tokenizer
from ot_resources.tokenizers import Qwen2Tokenizer


@dataclass(frozen=True)
class Letters:
    """A tokenizer that numbers nothing itself."""

    name: str = "letters"

    def tokens(self, text: str) -> list[str]:
        return list(text)


class Lengths(Words):
    """Words whose numbers are their lengths, so that many share one."""

    def numbers(self, texts):
        rows = [self.tokens(text) for text in texts]
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        return np.array([len(word) for row in rows for word in row], dtype=np.uint64), ends


WORDS = st.lists(st.sampled_from(["a", "b", "É", "cc", "dd", "DD", "İ", "🙂", "你好"]), max_size=9)
TEXTS = st.one_of(
    st.tuples(WORDS, st.sampled_from([" ", "\n", "\u3000 ", "\x1c"])).map(lambda t: t[1].join(t[0])),
    st.text(max_size=9),
)


def first_shared(tokenizer: Tokenizer, n: int, items: list[str], text: str) -> Run | None:
    """The first run of the text that any item has, and the first item that has it."""
    tokens = tokenizer.tokens(text)
    for first in range(len(tokens) - n + 1):
        for number, item in enumerate(items):
            other = tokenizer.tokens(item)
            if any(other[i : i + n] == tokens[first : first + n] for i in range(len(other) - n + 1)):
                return Run(number, first)
    return None


@settings(deadline=None)
@given(
    st.lists(TEXTS, max_size=6),
    st.lists(TEXTS, max_size=6),
    st.integers(1, 5),
    st.sampled_from([Words(), Letters(), Lengths(), Qwen2Tokenizer()]),
)
def test_against_the_double_loop(texts, items, n, tokenizer):
    index = Ngrams(tokenizer, n, items, tokenised(tokenizer, items))
    tokens = tokenised(tokenizer, texts)
    assert tokens.counts.tolist() == [len(tokenizer.tokens(text)) for text in texts]
    found = index.first_shared(texts, tokens, np.arange(len(texts)))
    assert [found.get(row) for row in range(len(texts))] == [first_shared(tokenizer, n, items, text) for text in texts]


@settings(deadline=None)
@given(TEXTS.filter(lambda text: text.split() != []), st.data())
def test_the_span_of_words(text, data):
    words = Words()
    tokens = words.tokens(text)
    first = data.draw(st.integers(0, len(tokens) - 1))
    n = data.draw(st.integers(1, len(tokens) - first))
    start, end = words.span(text, first, n)
    assert words.tokens(text[start:end]) == tokens[first : first + n]
    assert len(words.tokens(text[:start])) == first
    assert text[start:end] == text[start:end].strip()


def test_every_white_space_parts_words():
    """All of Unicode's, between two words and at either end."""
    spaces = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    texts = [f"{space}one{space}two{space}" for space in spaces]
    assert len(spaces) > 20
    assert set(tokenised(Words(), texts).counts.tolist()) == {2}
    assert len(np.unique(tokenised(Words(), texts).numbers)) == 2
    assert all(text[slice(*Words().span(text, 1, 1))] == "two" for text in texts)


@pytest.mark.parametrize(
    ("text", "first"),
    [("ab " * 1_700_000 + "x y z", 1_700_000), ("one " * 100_000 + "x y z", 100_000), ("x y z", 0)],
)
def test_a_very_long_text_and_one_word_many_times(text, first):
    items = ["", "q", "x y", "W x y z W"]
    index = Ngrams(Words(), 3, items, tokenised(Words(), items))
    texts = ["", text, "one one one"]
    assert index.first_shared(texts, tokenised(Words(), texts), np.arange(3)) == {1: Run(3, first)}


def test_only_the_rows_and_the_items_that_are_asked_for():
    items, texts = ["a b", "c d"], ["a b", "c d", "a b"]
    index = Ngrams(Words(), 2, items, tokenised(Words(), items), np.array([0]))
    tokens = tokenised(Words(), texts)
    assert index.first_shared(texts, tokens, np.array([1, 2])) == {2: Run(0, 0)}
    assert index.first_shared(texts, tokens, np.array([], dtype=np.int64)) == {}


def test_what_knows_its_places():
    assert isinstance(Words(), PlacedTokenizer)
    assert not isinstance(Letters(), PlacedTokenizer)
