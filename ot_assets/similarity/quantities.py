r"""What a question counts with: its numbers, operators, units and names, as a sequence that can be compared.

    >>> quantities("If $x^2 \\le 1{,}000$ kg, what is half of $\\frac{1}{2}$?")
    ('x', '^', '2', '<=', '1000', 'kg', '1/2', '1/2')

Two questions with equal sequences may still differ in their words; two with different ones are taken for different
questions: one that is kept twice costs less than one that is lost. What spells one thing in several ways (\times, ×,
times) is one entry. Brackets and braces count where they hold more than one thing; letters that stand alone and groups
of capitals count, as "find x" is not "find y". White space, punctuation and LaTeX that only spaces or formats do not.

A sign that no rule knows counts as it is: a ★ b is not a ☆ b, and 🍎 + 🍎 not 🍌 + 🍌. Signs that are also punctuation
count where they stand for something only:

- an exclamation mark behind an operand (a factorial) and right before one (!p), and not behind a word;
- a quote right behind a digit (5' and 5"), and not where it closes what another one opens ("5", 'part 5');
- a long dash between two operands (x — 3), and not between words;
- dots behind a comma or a plus (1, 2, ..., 9);
- ~ before a letter or bracket with a space, an operator or nothing in front, for elsewhere it is a space of LaTeX;
- @ anywhere, # not at the start of a line and not before a number.

Bullets at the start of a line, trademark signs, the lines of a drawn table and what stands for a broken character count
for nothing. Italic and bold letters are letters; ℝ, 𝓕 and 𝔤 are told apart from R, F and g.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache

from ot_assets.similarity.spellings import (
    COMMANDS,
    FORMATTING,
    GREEK,
    HAN,
    HAN_DIGITS,
    HAN_PLACES,
    NO_NAMES,
    SYMBOLS,
    TENS,
    UNIT_LETTERS,
    VARIABLES,
    WORDS,
)

_SEPARATOR = r"(?:,(?:\\!|\s)?|\{,\}|\\[,!]|[\u00a0\u2009\u202f])"
_SPACE = r"(?:[,;:! ]|q?quad)"
# A numeral of more characters is none.
_LONGEST_HAN = 20
# A text of one letter a million times is not worth remembering.
_REMEMBERED = 40
# "ABCDE" names five points; longer capitals shout.
_LONGEST_NAME = 5
# 3 x 4, and not 3x
_TIMES = re.compile(rf"(?<=\d)(?:\s|\\{_SPACE})*x(?:\s|\\{_SPACE})*(?=\d)")
# Raised and lowered characters; letters in a style of mathematics; and what is another way to write what is known:
# full width, Greek variants, ligatures, signs of units.
_RAISED, _LOWERED = "²³¹⁰ⁱ⁴-ⁿᴬ-ᵡ", "₀-ₜᵢ-ᵪⱼ"
_STYLED, _VARIANTS = "ℂℊ-ℓℕℙ-ℝℤℨℬℭℯ-ℴ𝐀-𝟿", "！-～￠-￦µϐ-ϖϰ-ϲϵ℃℉㍱-㏟ﬀ-ﬆ"
_FORMS = re.compile(f"[{_RAISED}]+|[{_LOWERED}]+|[{_STYLED}{_VARIANTS}]")
# Bold and italic only format.
_STYLES = {"DOUBLE-STRUCK": "mathbb", "SCRIPT": "mathcal", "FRAKTUR": "mathfrak", "BLACK-LETTER": "mathfrak"}
# Soft hyphens and other characters that nobody sees.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\ufe0e\ufe0f]")
# Every symbol of mathematics, money and other things, but for signs of trade, blanks, broken characters, table lines.
_SIGNS = "".join(
    chr(code)
    for code in (*range(0xA0, 0x2500), *range(0x2580, 0x3400))
    if unicodedata.category(chr(code)) in ("Sm", "Sc", "So") and chr(code) not in "©®™℠℗№¦\u2800"
)
_PICTURES = "\U0001f000-\U0001faff"
_MARKS = "\u0300-\u036f\u20d0-\u20ff"
_BULLETS = re.compile(r"(?m)^[^\S\n]*[■▪▫●◆◇◦►▶★☆✓✔➢➤]\s+(?=\w|[$\\(\[\"'“‘])")
# What may follow a sign before an operand.
_OPERAND = r"[\d(\[$√\\Α-ω]|[A-Zb-z]\b"
_DASH = re.compile(rf"(?:(?<=[\d)\]}}$|Α-ω])|(?<=\b[A-Za-z]))(\s*)[—―](?=\s*(?:{_OPERAND}))")
_DOTS = re.compile(r"(?<=[,+])(\s*)(?:\.\s*\.\s*\.|…)")
# A quote behind a digit; and all quotes, where a quotation is passed in one go.
_QUOTED_DIGIT = re.compile(r"\d['’\"”]")
_QUOTES = re.compile(
    r"(?<!\d)\"[^\"]*\"(?!\d)|“[^“”]*”|(?<![\w)\]}])'(?!s\b)[^']*'(?!\d)|‘[^‘’]*’|``[^`']*''"
    r"|(?<=\d)(?P<two>[\"”]|''|’’)|(?<=\d)(?P<one>['’](?![A-Za-z]))"
)
# A \ B is what A has and B has not.
_WITHOUT = re.compile(r"(?<=\b[A-Z])(?:\\| \\ )(?=[A-Z]\b)")
_LATIN = "A-Za-zÀ-ÖØ-öø-ɏ"
_BRACKETS = frozenset("()[]{}")
# What follows the first digit of a price is prose.
_PRICE = r"[\d,.]*(?:\Z|[\s;:?!)][\s,.;:?!)]*(?:[A-Za-z]{2,}|a\s|\Z))"
_MARK = r"(?:\\(?:circ|degree|prime)(?![A-Za-z])|[°∘])"
_FUNCTIONS = "sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|max|min"
# "a train", "a 3 by 4 grid"; in "a is" and "a b" it is a name
_ARTICLE = r"[Aa]\s+(?!(?:is|and|or|in|to|that|if|are|be|equals)\b)(?=[A-Za-z]{2}|\d|\$|\\\()"
# Words come first, and what surely starts nothing is passed at once: they are nine tenths of a question.
_TOKEN = re.compile(
    rf"[AaPp]\.[Mm]\b|n['’]t\b|{_ARTICLE}|[{_LATIN}]+|[()\[\]{{}}]|(?=[^\s,;?\"_{_LATIN}])(?:"
    + "|".join(
        (
            r"&[a-z]+;",
            r"\\[cdt]?frac\s*(?:\{\s*\d+\s*\}|\d)\s*(?:\{\s*\d+\s*\}|\d)",
            r"\\(?:begin|end)\s*\{[A-Za-z*]*\}(?:\s*\{[lcr|\s]{1,40}\})?",
            r"\\sqrt\s*\[",
            r"\\[A-Za-z]+",
            r"\\[%$]",
            r"\\.",
            r"0[xX][0-9A-Fa-f]+\b",
            # with up to one mark between thousands: "(1, 200)" and "1,200" read the same, as spacing must not count
            rf"(?:(?<!\d)\d{{1,3}}(?:{_SEPARATOR}\d{{3}}(?!\d))+|\d+)(?:\.\d+)?(?:(?:st|nd|rd|th)\b|\s*/\s*\d+)?",
            r"(?<![\w)\]}])\.\d+",
            # a dollar before a price, and not one that opens a formula
            rf"\$(?=\d{_PRICE})|(?<!\S)\$(?=\s\d{_PRICE})",
            # a minus, and not the hyphen of a word
            rf"(?<![A-Za-z]{{3}})[-−‐-–](?=(?:\s|\\{_SPACE})*"
            rf"(?:[\d(\[{{√|$.Α-ω]|\\(?!{_SPACE})|(?:[A-Za-z]{{1,2}}|{_FUNCTIONS})(?![A-Za-z])))",
            r"(?<=[\d)\]}])!(?!=)|(?<=\b[A-Za-z])!(?!=)|(?<![^\s(\[{&|=>,:∧∨→¬~])!(?=[A-Za-z(¬])",
            r"(?<![^\s(&|^>∧∨→¬])~(?=\s*[A-Za-z(¬])|@|(?<=[^\n#])#(?![#\d])|(?<=\w)#(?=\d)|<?--?>",
            r"(?<=\d):(?=\s*\d)|(?<=\d\s):(?=\s*\d)",
            # 千 belongs to 千米 and 千克
            r"[零〇一二两三四五六七八九十百千万亿]+(?!(?<=千)[米克])",
            "|".join(sorted(HAN, key=len, reverse=True)),
            rf"\^\s*(?:{_MARK}|\{{\s*{_MARK}\s*\}})",
            r"[<>=!]=|=<|<>|\*\*|[+*/=<>%|]|\^(?!\s*\{\s*\})",
            r"(?<=[A-Za-z\s])['’](?:s|t|re|ll|ve|d|m)\b(?!['’])",
            # f' and f'', not an apostrophe
            r"(?<=\b[A-Za-z])(?:''|['’′″])(?![A-Za-z])|(?<=\d)[′″]",
            f"[{_SIGNS}{_PICTURES}{_MARKS}º·‖‰‱⌈⌊⟀-⟯]",
            r"[^\W\d_\x00-\x7f]",
        )
    )
    + ")"
)

_WORD = re.compile(rf"[AaPp]\.[Mm]|[{_LATIN}]+")
_RAISED_ONE, _LOWERED_ONE = re.compile(f"[{_RAISED}]"), re.compile(f"[{_LOWERED}]")
# Small Roman numerals up to 39; no English word is one.
_ROMAN = re.compile(r"x{0,3}(?:ix|iv|v?i{0,3})")


def quantities(text: str) -> tuple[str, ...]:
    """The numbers, operators, units, names and brackets of `text` in their order, each in one spelling.

    Numbers: digits of any script, without marks between thousands and zeros that say nothing; `a/b` for fractions of
    whole numbers, `5th` for ordinals, `2*` for twice; number words up to ninety-nine, Chinese numerals, the value of
    whatever character has one. A minus is an entry of its own.
    """
    found: list[str] = []
    # Of what is open: the bracket, its place in `found`, and how many things were told before it.
    opened: list[tuple[str, int, int]] = []
    before, behind_number, things = "", False, 0
    for token in _TOKEN.findall(_in_line(text)):
        if token in _BRACKETS:
            _bracket(token, before, found, opened, things)
            before = token
            continue
        entry = _read(token) if len(token) < _REMEMBERED else _read.__wrapped__(token)
        if behind_number and (unit := UNIT_LETTERS.get(token) or UNIT_LETTERS.get(token.lower())):
            entry = unit
        if entry:
            is_number = entry[-1].isdecimal()
            if before.lower() in TENS and len(entry.removesuffix("th")) == 1 and entry[0].isdecimal():
                found[-1] = found[-1][0] + entry
            else:
                found.append(entry)
            # 30 °C is not 30 °F
            behind_number = is_number or entry == "°"
            things += 1 + entry.count(" ")
        elif token[0] != "\\":
            behind_number = False
            things += 1
        before = token
    return tuple(" ".join(found).split())


def _bracket(token: str, before: str, found: list[str], opened: list[tuple[str, int, int]], things: int) -> None:
    """Put down a bracket that opens; take it away when one closes that holds a single thing.

    `[0, 1)` is a pair. A brace that only formats is none, and what closes nothing counts for nothing.
    """
    if token in "([{":
        formats = token == "{" and before[:1] == "\\" and before[1:] in FORMATTING
        opened.append((token, len(found), things))
        found.append("" if formats else token)
        return
    while token == "}" and opened and opened[-1][0] != "{":
        opened.pop()
    if opened and (opened[-1][0] == "{") == (token == "}"):
        _, place, then = opened.pop()
        if found[place] and things - then > 1:
            found.append(token)
        else:
            found[place] = ""


def _in_line(text: str) -> str:
    """`text` with ^{-1} for ⁻¹, _{2} for ₂, % for ％, 3*4 for 3 x 4, 5″ for 5" and x for 𝑥."""
    text = _WITHOUT.sub("∖", _TIMES.sub("*", text))
    if not text.isascii():
        text = _UNSEEN.sub("", unicodedata.normalize("NFC", text))
        text = _DASH.sub(r"\1−", _BULLETS.sub("", _FORMS.sub(_plain, text)))
    if _QUOTED_DIGIT.search(text):
        text = _QUOTES.sub(lambda found: "″" if found["two"] else "′" if found["one"] else found[0], text)
    return _DOTS.sub(r"\1\\dots ", text) if "…" in text or "." in text else text


def _plain(found: re.Match[str]) -> str:
    run = found[0]
    plain = unicodedata.normalize("NFKC", run)
    if _RAISED_ONE.match(run):
        return f"^{{{plain}}}"
    if _LOWERED_ONE.match(run):
        return f"_{{{plain}}}"
    name = unicodedata.name(run, "")
    style = next((command for style, command in _STYLES.items() if style in name), "")
    return f"\\{style}{{{plain}}}" if style else plain


@lru_cache(maxsize=1 << 16)
def _read(token: str) -> str:
    """What a token says by itself; empty for nothing that counts, with a space between several entries."""
    if token[0] == "\\":
        return _command(token)
    if token[0] == "&":
        return COMMANDS.get(token[1:-1], "")
    if token[-1].isspace():
        return ""
    if _WORD.fullmatch(token):
        return _word(token)
    return _symbol(token)


def _word(token: str) -> str:
    """A word that counts, or letters that are names; AB is A and B."""
    said = WORDS.get(token.lower())
    if said is not None:
        return said
    short = len(token) <= 2 or token in VARIABLES or (token.isupper() and len(token) <= _LONGEST_NAME)
    short = short or _ROMAN.fullmatch(token) is not None
    return " ".join(token) if short and token.lower() not in NO_NAMES else ""


def _command(token: str) -> str:
    """What a LaTeX command says, empty for one that only spaces or formats."""
    if len(token) == 2 and not token[1].isalpha():
        return {"%": "%", "$": "$", "{": "\\{", "}": "\\}", "|": "| |"}.get(token[1], "")
    if environment := re.match(r"\\(?:begin|end)\s*\{([A-Za-z]*)", token):
        return "" if environment[1] in FORMATTING else environment[1]
    if token[-1] in "0123456789}":
        digits = re.findall(r"\d+", token)
        above, below = digits if len(digits) == 2 else digits[0]
        return f"{_whole(above)}/{_whole(below)}"
    if token[-1] == "[":
        return "root"
    name = token[1:]
    return "" if name in FORMATTING else COMMANDS.get(name, name)


def _symbol(token: str) -> str:
    """What a number, a symbol or Chinese text says."""
    first = token[0]
    if first == "^" and len(token) > 1:
        return "prime" if "prime" in token else "°"
    if first in "'’" and len(token) > 1 and token[1].isalpha():
        return "not" if token[1] == "t" else ""
    if token[:2] in ("0x", "0X"):
        return token.lower()
    if first.isdecimal() or (first == "." and len(token) > 1):
        return _number(token)
    if first in HAN_DIGITS or (first in HAN_PLACES and token not in HAN):
        return _han_number(token)
    if token in GREEK:
        return SYMBOLS.get(token, GREEK[token])
    if token.isalnum():
        return SYMBOLS.get(token) or _value(token)
    return SYMBOLS.get(token, token.strip())


def _value(character: str) -> str:
    """The value of ① or Ⅳ, 1/3 for ⅓; empty for a letter."""
    value = unicodedata.numeric(character, -1.0) if len(character) == 1 else -1.0
    return str(Fraction(value).limit_denominator(1000)) if value >= 0 else ""


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
