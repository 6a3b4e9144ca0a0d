r"""Answers compared without algebra: texts that are the same, numbers that are exactly equal, plain words.

It comes before math-verify, which rounds to six decimals (1/2^98 equals 1/2^99 there) and reads words as products of
letters (`listen` equals `silent` there). Choices that a reader may want to know:

- numbers are compared as fractions: `1/2` = `0.5` = `\frac{1}{2}`, `0.333` is not `1/3`;
- `1,234` is one number, and so is `1{,}234`; `1,2` is a list and not for this module;
- a unit, a currency sign or a degree sign that only one side has is ignored; two known units that differ are wrong,
  and nothing is converted (`5 m` is not `500 cm`);
- a percent sign that only one side has may mean either reading: `50%` equals both `50` and `0.5`;
- `12:00` and `1:2` are equal only part by part (math-verify divides by zero there);
- words of four letters or more are equal only as texts, without regard to case.
"""

from __future__ import annotations

import re
from fractions import Fraction

# Beyond this many digits or this exponent a number is left to the worker, which can be killed.
DIGITS = 400

_DROPPED = re.compile(r"\\(?:left|right|displaystyle|limits|Big|big|,|!|;|:| )(?![a-zA-Z])|\\q?quad(?![a-zA-Z])|[$~]")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_ASSIGNED = re.compile(r"^[a-zA-Z](?:_\{?\w\}?)?=(?=[^=])")
_GROUPED = re.compile(r"(?<![\d.,])(\d{1,3}(?:\{?,\}?\d{3})+)(?![\d,])")
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_POWER = r"(?:\\times|\\cdot|\*)10\^(?:\{([+-]?\d+)\}|([+-]?\d+))|[eE]([+-]?\d+)"
_VALUE = re.compile(rf"^([+-]?)({_NUMBER})(?:{_POWER})?(?:/({_NUMBER}))?$")
_MIXED = re.compile(r"^([+-]?)(\d+) (\d+)/(\d+)$")
_LEADING = re.compile(rf"^([+-]?[\d.][\d.,/ ]*(?:{_POWER})?)(.*)$", re.DOTALL)
_WORDS = re.compile(r"^[^\W\d_]+(?:[ '-][^\W\d_]+)*$")

_CLOCK = re.compile(r"^\d{1,9}(?::\d{1,9})+$")

_SPELLINGS = {
    "%": "percent", "m": "meter meters metre metres", "cm": "centimeter centimeters", "mm": "millimeter millimeters",
    "km": "kilometer kilometers", "g": "gram grams", "kg": "kilogram kilograms", "s": "sec second seconds",
    "min": "minute minutes", "h": "hr hour hours", "N": "newton newtons", "J": "joule joules", "kJ": "kilojoule",
    "W": "watt watts", "V": "volt volts", "A": "ampere amperes amp amps", "Pa": "pascal pascals", "Hz": "hertz",
    "K": "kelvin", "mol": "mole moles", "L": "l liter liters litre litres", "C": "coulomb coulombs",
    "m/s": "mps", "m/s^2": "", "deg": r"degree degrees ^\circ ^{\circ} °", "$": r"\$ dollar dollars USD",
    "in": "inch inches", "ft": "foot feet", "eV": "", "MeV": "", "T": "tesla", "ohm": r"ohms \Omega Ω",
}  # fmt: skip
_UNITS = {spelling: unit for unit, others in _SPELLINGS.items() for spelling in (unit, *others.split())}


def normalised(text: str) -> str:
    """`text` without spacing commands, text wrappers, dollar signs, a final full stop, and doubled spaces."""
    text = text.strip().replace("\\$", "").replace("\\%", "%").replace("−", "-").replace("\\ ", " ")
    for _ in range(3):
        text = _TEXT.sub(r" \1 ", text)
    text = _DROPPED.sub("", text).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    return " ".join(text.split()).strip().rstrip(".").strip()


def compare(reference: str, given: str) -> bool | None:
    """Whether two answers are equal, or None when that takes algebra."""
    left, right = normalised(reference), normalised(given)
    if not left or not right:
        return None
    if _tight(left) == _tight(right):
        return True
    a, b = measure(left), measure(right)
    if a is not None and b is not None:
        return _same_measure(a, b)
    if _CLOCK.match(left) and _CLOCK.match(right):
        return [int(part) for part in left.split(":")] == [int(part) for part in right.split(":")]
    if _is_words(left) and _is_words(right):
        return left.casefold() == right.casefold()
    return None


def _tight(text: str) -> str:
    # Spaces mean nothing next to a symbol, but they part words and digits.
    return re.sub(r"(?<=\W) | (?=\W)", "", text)


def _is_words(text: str) -> bool:
    return bool(_WORDS.match(text)) and (len(text) >= 4 or " " in text)


def _same_measure(left: tuple[Fraction, str], right: tuple[Fraction, str]) -> bool:
    (a, unit_a), (b, unit_b) = left, right
    if (unit_a == "%") != (unit_b == "%"):
        percent, plain = (a, b) if unit_a == "%" else (b, a)
        return plain in (percent, percent / 100)
    comparable = unit_a == unit_b or unit_a not in _SPELLINGS or unit_b not in _SPELLINGS
    return a == b and comparable


def measure(text: str) -> tuple[Fraction, str] | None:
    r"""The number and the unit ("" for none) of `5`, `x = 5`, `1,234.5`, `\frac{1}{2}`, `3\frac12`, `5 N`, `50%`."""
    text = _FRACTION.sub(_plain_fraction, _ASSIGNED.sub("", re.sub(r"\s*=\s*", "=", text)))
    text = _GROUPED.sub(lambda match: re.sub(r"[{},]", "", match[1]), text).strip()
    text = re.sub(r"^([+-])\s+", r"\1", text)
    text = re.sub(r"\s*(\\times|\\cdot|\*|/)\s*", r"\1", text)
    match = _LEADING.match(text)
    if match is None:
        return None
    value, unit = rational(match[1].strip()), match[5].strip().strip("()[]").strip()
    if value is None or not _is_unit(unit):
        return None
    return value, _UNITS.get(unit, unit)


def _is_unit(text: str) -> bool:
    # One letter that is no unit is a variable; two words at most, so that "5 or 6" stays for others.
    if not text or text in _UNITS:
        return True
    words = re.split(r"[ /*^·]+", text)
    return bool(re.fullmatch(r"[a-zA-Z][a-zA-Z ]*", text)) and len(words) <= 2 and all(len(w) > 2 for w in words)


def _plain_fraction(match: re.Match[str]) -> str:
    top, bottom = match[1] or match[2], match[3] or match[4]
    if not re.fullmatch(_NUMBER, top.strip()) or not re.fullmatch(_NUMBER, bottom.strip()):
        return match[0]
    # With a whole number before it, this is a mixed number.
    before = match.string[: match.start()].rstrip()
    return f"{' ' if before and before[-1].isdigit() else ''}{top.strip()}/{bottom.strip()}"


def rational(text: str) -> Fraction | None:
    """The exact value of a decimal, a fraction of two, a mixed number or scientific notation; None for others."""
    if len(text) > DIGITS:
        return None
    mixed = _MIXED.match(re.sub(r"\s+", " ", text))
    if mixed:
        sign, whole, top, bottom = mixed.groups()
        return None if int(bottom) == 0 else (int(whole) + Fraction(int(top), int(bottom))) * (-1 if sign == "-" else 1)
    match = _VALUE.match(text)
    if match is None:
        return None
    sign, number, *powers, divisor = match.groups()
    exponent = int(next((power for power in powers if power), "0"))
    if abs(exponent) > DIGITS or (divisor and Fraction(divisor) == 0):
        return None
    value = Fraction(number) * Fraction(10) ** exponent / Fraction(divisor or 1)
    return -value if sign == "-" else value
