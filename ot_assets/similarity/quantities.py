r"""What a question counts with: its numbers, operators and units, as a sequence that can be compared.

    >>> quantities("If $x^2 \\le 1{,}000$ kg, what is half of $\\frac{1}{2}$?")
    ('^', '2', '<=', '1000', 'kg', '1/2', '1/2')

Two questions with equal sequences may still differ in their words; two with different ones are taken for different
questions. What spells one thing in several ways (\times, ×, times) is one entry. White space, punctuation and LaTeX
that only spaces or formats count for nothing, and so do letters that stand alone, the names of variables.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ot_assets.similarity.spellings import (
    COMMANDS,
    FORMATTING,
    GREEK,
    HAN,
    HAN_DIGITS,
    HAN_PLACES,
    SUPERSCRIPTS,
    SYMBOLS,
    TENS,
    UNIT_LETTERS,
    WORDS,
)

_SEPARATOR = r"(?:,(?:\\!|\s)?|\{,\}|\\[,!]|[\u00a0\u2009\u202f])"
_SPACE = r"(?:[,;:! ]|q?quad)"
# A numeral of more characters is none.
_LONGEST_HAN = 20
# A text of one letter a million times is not worth remembering.
_REMEMBERED = 40
# What follows the first digit of a price is prose.
_PRICE = r"[\d,.]*(?:\Z|[\s;:?!)][\s,.;:?!)]*(?:[A-Za-z]{2,}|a\s|\Z))"
# Words come first, and what surely starts nothing is passed at once: they are nine tenths of a question.
_TOKEN = re.compile(
    r"[A-Za-z]+|(?=[^\s,;?\"()\[\]{}_&A-Za-z])(?:"
    + "|".join(
        (
            r"\\[cdt]?frac\s*(?:\{\s*\d+\s*\}|\d)\s*(?:\{\s*\d+\s*\}|\d)",
            r"\\[A-Za-z]+",
            r"\\[%$]",
            r"\\.",
            # with up to one mark between thousands: "(1, 200)" and "1,200" read the same, as spacing must not count
            rf"(?:(?<!\d)\d{{1,3}}(?:{_SEPARATOR}\d{{3}}(?!\d))+|\d+)(?:\.\d+)?(?:(?:st|nd|rd|th)\b|\s*/\s*\d+)?",
            r"(?<![\w)\]}])\.\d+",
            # a dollar before a price, and not one that opens a formula
            rf"\$(?=\d{_PRICE})|(?<!\S)\$(?=\s\d{_PRICE})",
            # a minus, and not the hyphen of a word
            rf"(?<![A-Za-z]{{2}})[-−–](?=(?:\s|\\{_SPACE})*(?:[\d({{√|$.Α-ω]|\\(?!{_SPACE})|[A-Za-z](?![A-Za-z])))",
            r"(?<=\d)!(?!=)|(?<=\b[A-Za-z])!(?!=)",
            r"(?<=\d):(?=\s*\d)|(?<=\d\s):(?=\s*\d)",
            # 千 belongs to 千米 and 千克
            r"[零〇一二两三四五六七八九十百千万亿]+(?!(?<=千)[米克])",
            "|".join(sorted(HAN, key=len, reverse=True)),
            r"[<>=!]=|=<|<>|\*\*|[+*/=<>%|]|\^(?!\s*\{\s*\})",
            r"[²³¹⁰⁴-⁹]+",
            # f' and f'', not an apostrophe
            r"(?<=\b[A-Za-z])(?:''|['′″])(?![A-Za-z])",
            r"[½⅓⅔¼¾⅕⅛€£¥°ºπ×÷±·＋＝∀-⋿←-⇿⌈⌊⟀-⟯⤀-⫿⁄Α-ω]",
        )
    )
    + ")"
)


def quantities(text: str) -> tuple[str, ...]:
    """The numbers, operators and units of `text` in their order, each in one spelling.

    Numbers: digits of any script, without marks between thousands and zeros that say nothing; `a/b` for fractions of
    whole numbers, `5th` for ordinals, `2*` for twice; number words up to ninety-nine, Chinese numerals. A minus is an
    entry of its own.
    """
    found: list[str] = []
    before, behind_number = "", False
    for token in _TOKEN.findall(text):
        entry = _read(token) if len(token) < _REMEMBERED else _read.__wrapped__(token)
        if behind_number and (unit := UNIT_LETTERS.get(token.lower())):
            entry = unit
        if entry:
            is_number = entry[-1].isdecimal()
            if is_number and len(entry) == 1 and before.lower() in TENS:
                found[-1] = found[-1][0] + entry
            else:
                found.append(entry)
            behind_number = is_number
        elif token[0] != "\\":
            behind_number = False
        before = token
    return tuple(" ".join(found).split())


@lru_cache(maxsize=1 << 16)
def _read(token: str) -> str:
    """What a token says by itself; empty for nothing that counts, with a space between several entries."""
    if token[0] == "\\":
        return _command(token)
    if token.isascii() and token.isalpha():
        return WORDS.get(token.lower(), "")
    return _symbol(token)


def _command(token: str) -> str:
    """What a LaTeX command says, empty for one that only spaces or formats."""
    if len(token) == 2 and not token[1].isalpha():
        return {"%": "%", "$": "$"}.get(token[1], "")
    if token[-1] in "0123456789}":
        digits = re.findall(r"\d+", token)
        above, below = digits if len(digits) == 2 else digits[0]
        return f"{_whole(above)}/{_whole(below)}"
    name = token[1:]
    return "" if name in FORMATTING else COMMANDS.get(name, name)


def _symbol(token: str) -> str:
    """What a number, a symbol or Chinese text says."""
    first = token[0]
    if first.isdecimal() or (first == "." and len(token) > 1):
        return _number(token)
    if first in SUPERSCRIPTS:
        return "^ " + "".join(SUPERSCRIPTS[c] for c in token)
    if first in HAN_DIGITS or (first in HAN_PLACES and token not in HAN):
        return _han_number(token)
    if token in GREEK:
        return SYMBOLS.get(token, GREEK[token])
    return SYMBOLS.get(token, token.strip())


def _number(token: str) -> str:
    whole, slash, below = token.partition("/")
    integer, _, decimals = whole.strip().rstrip("stndrh").partition(".")
    decimals = _digits(decimals).rstrip("0")
    number = f"{_whole(integer)}.{decimals}" if decimals else _whole(integer)
    ordinal = "th" if whole[-1].isalpha() else ""
    return number + ordinal + (f"/{_whole(below)}" if slash else "")


def _whole(digits: str) -> str:
    return _digits(digits).lstrip("0") or "0"


def _digits(text: str) -> str:
    """The digits of any script in `text` as ASCII ones; what stands between them is left out."""
    return "".join(str(unicodedata.digit(c)) for c in text if c.isdecimal())


def _han_number(token: str) -> str:
    """三百二十五 is 325, 二〇二四 is 2024."""
    if len(token) > _LONGEST_HAN or not any(c in HAN_PLACES for c in token):
        return "".join(str(HAN_DIGITS.get(c, c)) for c in token).lstrip("0") or "0"
    total = section = digit = 0
    for c in token:
        place = HAN_PLACES.get(c, 0)
        if place >= 10_000:
            total, section, digit = (total + section + digit or 1) * place, 0, 0
        elif place:
            section, digit = section + (digit or 1) * place, 0
        else:
            digit = HAN_DIGITS[c]
    return str(total + section + digit)
