"""The n-gram rule: a shared run of tokens, and short benchmark questions matched whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from ot_assets.strategies.decontaminate.matching import Item, Matcher
from ot_assets.strategies.dropping import SHOWN, marked
from ot_resources.interfaces import PlacedTokenizer, Tokenizer

Compat = Literal["no_short_items"] | None
# A question of three words or fewer ("Find its area.") may stand in many another, and four seldom do: of the 4,873 real
# questions of fewer than 13 words in the test data, 7 stand in another, the same asked again, all of 10 words or more.
WHOLE_FROM = 4
# Tokens of a run that may be asked for.
MOST = 10_000


def ngram_matcher(
    items: Sequence[Item], tokenizer: Tokenizer, n: int, *, whole_from: int = WHOLE_FROM, compat: Compat = None
) -> Matcher:
    """Matches a text that shares a run of `n` tokens with a benchmark question, or has a shorter question whole in it.

    A benchmark question of fewer than `n` tokens is a run of its own: a text that has it as a part matches, or, where
    it has fewer than `whole_from` tokens, a text that has the same tokens and no more. The longest runs are looked for
    first; the evidence is the first of them in the text, and the first item that has it.
    """
    import numpy as np

    from ot_assets.similarity.ngrams import Ngrams, tokenised

    asked_of = [item.text for item in items]
    known = tokenised(tokenizer, asked_of)
    lengths = [n] if compat == "no_short_items" else sorted({n, *known.counts[known.counts < n].tolist()} - {0})[::-1]
    indexes = [
        Ngrams(tokenizer, length, asked_of, known, np.flatnonzero(known.counts == length) if length < n else None)
        for length in lengths
    ]

    place = _placing(tokenizer)

    def match(asked: Sequence[str]) -> list[dict[str, Any] | None]:
        found: list[dict[str, Any] | None] = [None] * len(asked)
        tokens = tokenised(tokenizer, asked)
        counts, unmatched = tokens.counts, np.ones(len(asked), dtype=bool)
        for index in indexes:
            short = index.n < n
            fits = counts == index.n if short and index.n < whole_from else counts >= index.n
            rows = np.flatnonzero(unmatched & fits)
            for row, run in index.first_shared(asked, tokens, rows).items():
                rule = {"rule": "whole_item" if short else "ngram", "n": index.n, "tokenizer": tokenizer.name}
                unmatched[row] = False
                found[row] = rule | items[run.item].evidence() | place(asked[row], run.first, index.n)
        return found

    return match


def _placing(tokenizer: Tokenizer) -> Callable[[str, int, int], dict[str, Any]]:
    """Says where in a text n tokens from the first on are, or only what, if the tokenizer does not know its places."""
    if not isinstance(tokenizer, PlacedTokenizer):
        return lambda text, first, n: {"matched": " ".join(map(str, tokenizer.tokens(text)[first : first + n]))[:SHOWN]}
    span_of = tokenizer.span

    def place(text: str, first: int, n: int) -> dict[str, Any]:
        return marked(text, *span_of(text, first, n))

    return place
