r"""Answers compared without algebra: texts that are the same, numbers that are exactly equal, plain words.

It comes before math-verify, which rounds to six decimals (1/2^98 equals 1/2^99 there) and reads words as products of
letters (`listen` equals `silent` there). Choices that a reader may want to know:

- numbers are compared as fractions: `1/2` = `0.5` = `\frac{1}{2}`, `0.333` is not `1/3`;
- `1,234` is one number, and so is `1{,}234`; `1,2` is a list and not for this module;
- a unit, a currency sign or a degree sign that only one side has is ignored; two known units that differ are wrong,
  and nothing is converted (`5 m` is not `500 cm`); words that are no known unit are ignored (`12 apples`);
- `2.5 million` is 2,500,000;
- a percent sign that only one side has may mean either reading: `50%` equals both `50` and `0.5`;
- `x = 5` equals `5`, and not `y = 5`;
- `12:00`, `1:2` and `2020-01-05` are equal only part by part (math-verify divides and subtracts there);
- `101_2` and `101_3` differ; the base may be left out on one side, and nothing is converted;
- words are equal only as texts, without regard to case: those in `\text{}`, those of four letters or more, yes and no.
"""

from __future__ import annotations

import re
from fractions import Fraction

# Beyond this many digits or this exponent a number is left to the worker, which can be killed.
DIGITS = 400

_DROPPED = re.compile(
    r"(?<!\\)\\(?:left|right|displaystyle|limits|Big|big|,|!|;|:| )(?![a-zA-Z])|\\q?quad(?![a-zA-Z])|[$~]"
)
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_ALL_TEXT = re.compile(rf"^(?:\s*{_TEXT.pattern})+[\s.]*$")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_ASSIGNED = re.compile(r"^([a-zA-Z](?:_\{?\w\}?)?)=(?=[^=])")
_GROUPED = re.compile(r"(?<![\d.,])(\d{1,3}(?:\{?,\}?\d{3})+)(?![\d,])")
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_POWER = r"(?:\\times|\\cdot|\*)10\^(?:\{([+-]?\d+)\}|([+-]?\d+))|[eE]([+-]?\d+)"
_VALUE = re.compile(rf"^([+-]?)({_NUMBER})(?:{_POWER})?(?:/({_NUMBER}))?$")
_MIXED = re.compile(r"^([+-]?)(\d+) (\d+)/(\d+)$")
_LEADING = re.compile(rf"^([+-]?[\d.][\d.,/ ]*(?:{_POWER})?)(.*)$", re.DOTALL)
_TRAILING = re.compile(
    r"(?:\\(?:text|mathrm|textrm|mbox)\s*+\{[^{}]*+\}(?:\s*+\^\s*+\{?[+-]?\d\}?)?+[\s/*]*+(?:\\cdot)?+\s*+)++$"
)
_WORDS = re.compile(r"^[^\W\d_]+(?:[ '-][^\W\d_]+)*$")

_PARTS = re.compile(
    r"^(\d{1,9}(?:\s*:\s*\d{1,9})+|\d{1,9}(?:-\d{1,9}){2}|\d{1,9}(?:/\d{1,9}){2})\s*([ap]\.?m\.?)?$", re.IGNORECASE
)
_NUMERAL = re.compile(r"^([0-9][0-9A-Fa-f]*|[A-Fa-f][0-9A-Fa-f]*(?=_))(?:\s*_\{?(\d{1,2})\}?)?$")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SHORT_WORDS = {"yes", "no", "true", "odd"}
_CURRENCY = re.compile(r"^([+-]?)\s*(USD|[€£¥])\s*([+-]?)")
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_SCALED = re.compile(rf"\s*({'|'.join(_SCALES)})s?(?![a-z])")

_SPELLINGS = {
    "%": "percent", "m": "meter meters metre metres", "cm": "centimeter centimeters centimetre centimetres",
    "mm": "millimeter millimeters millimetre millimetres", "km": "kilometer kilometers kilometre kilometres",
    "nm": "nanometer nanometers", "g": "gram grams", "kg": "kilogram kilograms", "mg": "milligram milligrams",
    "s": "sec second seconds", "ms": "millisecond milliseconds", "min": "mins minute minutes", "h": "hr hrs hour hours",
    "day": "days", "week": "weeks", "month": "months", "year": "yr years", "N": "newton newtons", "J": "joule joules",
    "kJ": "kilojoule kilojoules", "cal": "calorie calories", "kcal": "", "W": "watt watts", "kW": "kilowatt kilowatts",
    "V": "volt volts", "A": "ampere amperes amp amps", "Pa": "pascal pascals", "kPa": "", "atm": "", "Hz": "hertz",
    "K": "kelvin", "mol": "mole moles", "L": "l liter liters litre litres", "mL": "ml milliliter milliliters",
    "C": "coulomb coulombs", "deg": r"degree degrees ^\circ ^{\circ} ° \circ", "rad": "radian radians",
    "degC": "celsius", "degF": "fahrenheit", "USD": "$ dollar dollars", "cent": "¢ cents", "EUR": "€ euro euros",
    "GBP": "£ pound pounds", "JPY": "¥ yen", "in": "inch inches", "ft": "foot feet", "yd": "yard yards",
    "mi": "mile miles", "lb": "lbs", "oz": "ounce ounces", "gal": "gallon gallons", "acre": "acres",
    "eV": "", "keV": "", "MeV": "", "GeV": "", "T": "tesla", "ohm": r"ohms \Omega Ω",
}  # fmt: skip
_UNITS = {spelling: unit for unit, others in _SPELLINGS.items() for spelling in (unit, *others.split())}
# Written alone they are more often a variable, so that they have to stand apart from the number.
_LETTERS = {unit for unit in _UNITS if len(unit) == 1 and unit.isalpha()}
_COMPOUND = {"mph": "mi/h", "kph": "km/h", "mps": "m/s", "square units": "units", "cubic units": "units"}
_TEMPERATURE = re.compile(r"(?:\^\s*\{?\s*\\circ\s*\}?|°|degrees?)\s*(C|F)(?:elsius|ahrenheit)?$", re.IGNORECASE)
_FACTOR = re.compile(r"^(.*?)(?:\^\{?([+-]?\d)\}?)?$")


def normalised(text: str) -> str:
    """`text` without spacing commands, text wrappers, dollar signs, a final full stop, and doubled spaces."""
    text = text.strip().replace("\\$", "USD ").replace("\\%", "%").replace("−", "-")
    text = re.sub(r"[⁻⁰¹²³⁴-⁹]+", lambda match: f"^{match[0].translate(_SUPERSCRIPTS)}", text)
    text = re.sub(r"(?<!\\)\\ ", " ", text)
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
        return _same_measure(a, b) and _same_name(left, right)
    parts = _PARTS.match(left), _PARTS.match(right)
    if parts[0] and parts[1]:
        return _same_parts(parts[0], parts[1])
    numerals = _NUMERAL.match(left), _NUMERAL.match(right)
    if numerals[0] and numerals[1] and (numerals[0][2] or numerals[1][2]):
        return _same_numeral(numerals[0], numerals[1])
    sides = (left, _is_text(reference)), (right, _is_text(given))
    if all(_WORDS.match(side) for side, _ in sides) and any(_is_words(*side) for side in sides):
        return left.casefold() == right.casefold()
    return False if _are_other_units(_trailing_unit(reference), _trailing_unit(given)) else None


def _tight(text: str) -> str:
    # Spaces mean nothing next to a symbol, but they part words and digits.
    return re.sub(r"(?<=\W) | (?=\W)", "", text)


def _is_text(text: str) -> bool:
    return bool(_ALL_TEXT.match(text.strip().strip("$")))


def _is_words(text: str, is_text: bool) -> bool:
    return len(text) >= 4 or (len(text) > 1 and is_text) or " " in text or text.casefold() in _SHORT_WORDS


def _same_parts(left: re.Match[str], right: re.Match[str]) -> bool:
    numbers = [[int(part) for part in re.findall(r"\d+", match[1])] for match in (left, right)]
    halves = [(match[2] or "").lower().replace(".", "") for match in (left, right)]
    return numbers[0] == numbers[1] and (halves[0] == halves[1] or "" in halves)


def _same_numeral(left: re.Match[str], right: re.Match[str]) -> bool:
    bases = {left[2], right[2]} - {None}
    return left[1].upper() == right[1].upper() and len(bases) == 1


def _same_name(left: str, right: str) -> bool:
    """False if both sides are named and by other names."""
    names = [_ASSIGNED.match(re.sub(r"\s*=\s*", "=", side)) for side in (left, right)]
    return not (names[0] and names[1]) or names[0][1] == names[1][1]


def _same_measure(left: tuple[Fraction, str], right: tuple[Fraction, str]) -> bool:
    (a, unit_a), (b, unit_b) = left, right
    if (unit_a == "%") != (unit_b == "%"):
        percent, plain = (a, b) if unit_a == "%" else (b, a)
        return plain in (percent, percent / 100)
    return a == b and not _are_other_units(unit_a, unit_b)


def _are_other_units(a: str, b: str) -> bool:
    return a != b and "" not in (a, b) and "?" not in a + b


def measure(text: str) -> tuple[Fraction, str] | None:
    r"""The number and the unit ("" for none) of `5`, `x = 5`, `1,234.5`, `\frac{1}{2}`, `3\frac12`, `5 N`, `50%`.

    Units are in one spelling, sorted: `cm^2`, `m s^-2`; "?" and the words for one that is not known.
    """
    text = _ASSIGNED.sub("", re.sub(r"\s*=\s*", "=", text))
    text = _CURRENCY.sub(r"\1\3", text) + " " + _currency(text)
    text = _GROUPED.sub(lambda match: re.sub(r"[{},]", "", match[1]), _FRACTION.sub(_plain_fraction, text).strip())
    text = re.sub(r"\s*(\\times|\\cdot|\*|/)\s*", r"\1", re.sub(r"^([+-])\s+", r"\1", text))
    number, unit = _split(text)
    value = rational(number)
    scaled = _SCALED.match(unit)
    if scaled:
        unit = unit[scaled.end() :]
    is_apart = unit[:1].isspace()
    unit_name = unit_of(unit.strip().strip("()[]").strip())
    if value is None or unit_name is None or (unit.strip() in _LETTERS and not is_apart):
        return None
    return value * (_SCALES[scaled[1]] if scaled else 1), unit_name


def _currency(text: str) -> str:
    match = _CURRENCY.match(text)
    return match[2] if match else ""


def _split(text: str) -> tuple[str, str]:
    """The number that a text begins with, and the rest."""
    match = _LEADING.match(text)
    if match is None:
        return text, ""
    number = match[1].rstrip()
    return number, text[len(number) :]


def unit_of(text: str) -> str | None:
    r"""The one spelling of a unit, such as `m s^-2` for `m/s^2` or `meters per second squared`.

    "" for none, "?" and the text for words that are no known unit, None for what is no unit at all.
    """
    text = text.strip()
    if not text:
        return ""
    temperature = _TEMPERATURE.search(text)
    if temperature and temperature[0] == text:
        return f"deg{temperature[1].upper()}"
    if text in _UNITS:
        return _UNITS[text]
    powers = _powers(_COMPOUND.get(text, text))
    if powers is not None:
        return " ".join(sorted(f"{unit}^{power}" if power != 1 else unit for unit, power in powers.items() if power))
    # One letter that is no unit is a variable; two words at most, so that "5 or 6" stays for others.
    words = text.split()
    is_noun = len(words) <= 2 and all(len(word) > 2 and word.isalpha() and word.isascii() for word in words)
    return f"?{text.casefold()}" if is_noun else None


def _powers(text: str) -> dict[str, int] | None:
    """The known units of a product and their powers, or None."""
    text = re.sub(r"\\frac\s*\{([^{}]*(?:\{[^{}]*\})?)\}\s*\{([^{}]*(?:\{[^{}]*\})?[^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"(?:square|sq\.?)\s+(\S+)|(\S+)\s+squared", r"\1\2^2", text)
    text = re.sub(r"cubic\s+(\S+)|(\S+)\s+cubed", r"\1\2^3", text)
    text = re.sub(r"\s*\^\s*", "^", re.sub(r"\s+per\s+", "/", text))
    found: dict[str, int] = {}
    above, *below = text.split("/")
    for side, sign in ((above, 1), *((side, -1) for side in below)):
        for factor in re.split(r"[\s*·()]+|\\cdot|\\times", side):
            match = _FACTOR.match(factor)
            if not factor or (factor == "1" and sign == 1):
                continue
            if match is None or match[1] not in _UNITS:
                return None
            unit = _UNITS[match[1]]
            found[unit] = found.get(unit, 0) + sign * int(match[2] or 1)
    return found or None


def _trailing_unit(text: str) -> str:
    r"""The known unit in `\text{}` that an expression ends with, `4\pi \text{ cm}^2`; "" for none."""
    match = _TRAILING.search(text.strip().strip("$."))
    unit = unit_of(normalised(match[0])) if match and match.start() else ""
    return unit if unit and not unit.startswith("?") else ""


def _plain_fraction(match: re.Match[str]) -> str:
    sides = [re.fullmatch(rf"\s*([+-]?)\s*({_NUMBER})\s*", match[i] or match[i + 1] or "") for i in (1, 3)]
    before = match.string[: match.start()].rstrip()
    if not sides[0] or not sides[1] or (before and (sides[0][1] or sides[1][1])):
        return match[0]
    # A sign on either side is that of the fraction. With a whole number before it, this is a mixed number.
    sign = "-" if (sides[0][1] == "-") != (sides[1][1] == "-") else ""
    return f"{' ' if before and before[-1].isdigit() else ''}{sign}{sides[0][2]}/{sides[1][2]}"


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
