"""Questions in a language that the student is to learn in."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any

import polars as pl
from pydantic import Field

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput

# Those that questions are written in; among all 140 of the library "Evaluate" passes for Latgalian.
KNOWN = (
    "ar bg bn cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sv ta te th tr uk vi zh"  # ISO 639-1
).split()
# Few words do not tell these apart, but tell them from all others by their letters.
_TOGETHER = {name: names for names in (("zh", "ja", "ko"), ("ru", "uk", "bg"), ("ar", "fa")) for name in names}
# What is opened and never closed is sought for so long only, and then is none.
_NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)|\$\$.{0,1000}?\$\$|\$[^$]{0,500}\$|\\\(.{0,500}?\\\)|\\\[.{0,1000}?\\\]"
    r"|\\[a-zA-Z]+|https?://\S+",
    re.DOTALL,
)
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_READ_CHARS = 2000
_FOUND = "__found"


@strategy(stage="filter", version=1, packages=("py3langid",))
def language(
    questions: pl.LazyFrame,
    *,
    keep: Annotated[list[str], Field(min_length=1)],
    confidence: Annotated[float, Field(gt=0, le=1)] = 0.8,
) -> Split:
    """Drop questions that are surely in a language other than those of `keep` (ISO 639-1, such as [en]).

    Formulas, code blocks, links, digits and signs are taken out first, and of what is left 2,000 characters are read. A
    question goes, as `other_language`, when some other language has at least `confidence` (together those in the same
    letters: Chinese, Japanese and Korean; Russian, Ukrainian and Bulgarian; Arabic and Persian). What is too short to
    tell ("Evaluate", a bare formula) stays. The 34 languages of `KNOWN` are told apart; another one is taken for the
    most similar of them. Tried on 62,694 questions of public English sets, 0.8 drops 110, none of which is English; on
    1,686 of Chinese sets it keeps 24, nearly all of them formula.

    Ours; OpenThoughts has no such filter for questions. The library is py3langid, a naive Bayes model over bytes that
    lies in its package; about a million characters a second.

    Columns in: question. Columns out: the same. Evidence: language, confidence. BadInput: an unknown language.
    """
    unknown = [name for name in keep if name not in KNOWN]
    if unknown:
        raise BadInput(f"filter.language: 'keep': unknown language '{unknown[0]}'; there is: {', '.join(KNOWN)}")

    dtype = pl.Struct({"language": pl.String, "confidence": pl.Float64})

    def other(texts: pl.Series) -> pl.Series:
        return pl.Series(texts.name, [_most_likely_other(text or "", keep) for text in texts], dtype=dtype)

    found = pl.col("question").map_batches(other, return_dtype=dtype, is_elementwise=True)
    return split(
        questions.with_columns(found.alias(_FOUND)),
        pl.col(_FOUND).struct.field("confidence") < confidence,
        reason="other_language",
        evidence=pl.col(_FOUND),
        scratch=(_FOUND,),
    )


def prose(text: str) -> str:
    """The words of a question: without formulas, code blocks, commands, links, digits and signs."""
    return _NOT_LETTERS.sub(" ", _NOT_PROSE.sub(" ", text[: 10 * _READ_CHARS])).strip()[:_READ_CHARS]


def _most_likely_other(text: str, keep: list[str]) -> dict[str, Any]:
    words = prose(text)
    odds = dict(_identifier().rank(words)) if words else {}
    others = [name for name in odds if name not in keep]
    if not others:
        return {"language": None, "confidence": 0.0}
    # Most likely first: the first of a group speaks for it.
    sums = {name: sum(odds[mate] for mate in _TOGETHER.get(name, (name,)) if mate in others) for name in others}
    language = max(others, key=lambda name: sums[name])
    return {"language": language, "confidence": round(min(sums[language], 1.0), 4)}


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(KNOWN)
    return identifier
