"""The ways in which numbers, operators and units are spelled, each with the one entry that stands for it.

Tables only; `quantities` reads with them. A spelling that is missing here counts for nothing, unless it is a LaTeX
command or a mathematical symbol: those count as they are.
"""

from __future__ import annotations

import unicodedata

# LaTeX that changes how a formula looks and not what it says. Every other command counts: \sin is not \cos.
FORMATTING = frozenset(
    """
    left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr mathrm mathbf mathit mathsf mathtt
    mathnormal boldsymbol bm rm bf it sf tt text textbf textit textrm textnormal textsc textsf texttt emph underline
    mbox hbox displaystyle textstyle scriptstyle limits nolimits operatorname quad qquad enspace thinspace hspace vspace
    hfill hline phantom vphantom hphantom begin end newline linebreak noindent par item label tag nonumber color
    mathop mathbin mathrel mathord mathopen mathclose mathstrut strut smash boxed array aligned align matrix
    equation gather gathered split tabular center
    """.split()
)

# What is written in several ways, by the one that stands for all: commands without their backslash, symbols, words.
_SAME = {
    "+": "plus add added adding",
    "-": "minus subtract subtracted subtracting − – ‐ ‑ ‒",
    "*": "times cdot ast multiplied multiply multiplying × · ⋅ ∗ ∙",
    "/": "frac dfrac tfrac cfrac div over divided ÷ ∕ ⁄",
    "^": "**",
    "=": "== equals",
    "!=": "ne neq ≠ <>",
    "<": "lt",
    ">": "gt",
    "<=": "le leq leqslant leqq ≤ ⩽ =<",
    ">=": "ge geq geqslant geqq ≥ ⩾",
    "+-": "pm ±",
    "sqrt": "√",
    "sum": "∑ sums",
    "product": "prod ∏ products",
    "int": "∫ integral",
    "infty": "∞ infinity",
    "pi": "π",
    "|": "mid vert lvert rvert ∣",
    "| |": "‖ Vert lVert rVert",
    ":": "∶",
    "prime": "' ’ ′",
    "prime prime": "'' ″",
    "\\{": "lbrace",
    "\\}": "rbrace",
    "in": "∈",
    "notin": "∉",
    "cup": "∪ union",
    "cap": "∩ intersection",
    "subset": "⊂",
    "subseteq": "⊆",
    "angle": "∠",
    "triangle": "△ triangles",
    "perp": "⊥ perpendicular",
    "parallel": "∥",
    "approx": "≈",
    "sim": "~ ∼",
    "neg": "¬ lnot",
    "setminus": "∖ smallsetminus",
    "aleph": "ℵ",
    "beth": "ℶ",
    "dots": "ldots cdots dotsc dotsb",
    "equiv": "≡",
    "cong": "≅",
    "to": "→ rightarrow longrightarrow ⟶ ➝ ➞ -> -->",
    "leftrightarrow": "↔ <-> <-->",
    "floor": "lfloor ⌊",
    "ceiling": "lceil ⌈",
    "mod": "pmod bmod modulo",
    "max": "maximum maximal maximize largest greatest biggest highest longest",
    "min": "minimum minimal minimize smallest lowest shortest",
    "most": "",
    "least": "",
    "more": "greater larger above exceeds exceed",
    "less": "fewer smaller below under",
    "%": "percent percentage",
    "not": "cannot",
    "sin": "sine",
    "cos": "cosine",
    "tan": "tangent",
    "cot": "cotangent",
    "sec": "secant",
    "csc": "cosecant",
    "log": "logarithm",
}

# Words that turn a question into another one, each for itself.
_TURNING = """
    even odd positive negative increase increased increases increasing decrease decreased decreases decreasing
    squared cubed square cube root roots reciprocal difference quotient remainder factorial ratio average mean
    median mode range total sin cos tan cot sec csc log ln exp gcd lcm prime composite integer integers rational
    irrational real consecutive distinct not no never without except true false or nor neither none some all only
    exactly correct incorrect inside outside clockwise counterclockwise horizontal vertical last before after
    inscribed circumscribed row rows column columns area perimeter circumference volume radius diameter left right
    leftmost rightmost oldest newest older younger taller north south east west small large long short
    distinguishable indistinguishable ascending descending upward downward up down intercept slope numerator
    denominator ones circle sphere cone cylinder rectangle pentagon hexagon heptagon octagon nonagon decagon
    dodecagon quadrilateral parallelogram trapezoid rhombus tetrahedron octahedron dodecahedron icosahedron pyramid
    prism monday tuesday wednesday thursday friday saturday sunday january february march april june july august
    september october november december same different preorder inorder postorder
""".split()

_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty".split()
    )
} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
    "hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000", "dozen": "12", "twice": "2*",
    "double": "2*", "doubled": "2*", "thrice": "3*", "triple": "3*", "tripled": "3*", "half": "1/2", "halves": "1/2",
    "quarter": "1/4", "quarters": "1/4",
    "once": "1*", "quadruple": "4*", "trillion": "1000000000000", "tens": "10", "hundreds": "100", "thousands": "1000",
    "millions": "1000000", "billions": "1000000000", "dozens": "12",
}  # fmt: skip
_ORDINALS = {
    word: f"{number}th"
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
        " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        1,
    )
} | {
    "thirtieth": "30th", "fortieth": "40th", "fiftieth": "50th", "sixtieth": "60th", "seventieth": "70th",
    "eightieth": "80th", "ninetieth": "90th", "hundredth": "100th", "thousandth": "1000th", "millionth": "1000000th",
}  # fmt: skip
# Two thirds; seconds are time.
_ORDINALS |= {f"{word}s": one for word, one in _ORDINALS.items() if word not in ("first", "second")}
TENS = frozenset(word for word in _NUMBERS if word.endswith("ty"))

# Units that are words; they count wherever they stand, since "in metres" asks for another answer than "in feet".
_UNIT_WORDS = {
    "km": "kilometer kilometers kilometre kilometres",
    "m": "meter meters metre metres",
    "cm": "centimeter centimeters centimetre centimetres",
    "mm": "millimeter millimeters millimetre millimetres",
    "kg": "kilogram kilograms kilogramme kilogrammes",
    "g": "gram grams gramme grammes",
    "mg": "milligram milligrams",
    "l": "liter liters litre litres",
    "ml": "milliliter milliliters millilitre millilitres",
    "ft": "foot feet",
    "inch": "inches",
    "yd": "yard yards",
    "mile": "miles",
    "lb": "pound pounds",
    "oz": "ounce ounces",
    "gallon": "gallons",
    "s": "seconds",
    "minute": "minutes",
    "h": "hour hours",
    "day": "days",
    "week": "weeks",
    "month": "months",
    "year": "years",
    "°": "degree degrees circ º ∘",
    "rad": "radian radians",
    "$": "dollar dollars",
    "cent": "cents ¢",
    "€": "euro euros",
    "£": "",
    "¥": "yuan",
    "kelvin": "kelvins",
    "celsius": "",
    "fahrenheit": "",
    "mol": "mole moles",
    "j": "joule joules",
    "n": "newton newtons",
    "w": "watt watts",
    "v": "volt volts",
    "pa": "pascal pascals",
}
# Abbreviations; they count behind a number only, for elsewhere they may be anything. MW is not mW.
UNIT_LETTERS = {
    unit: unit
    for unit in (
        "km m cm mm nm um kg g mg l ml ft yd lb oz s ms ns us h mol mmol j kj n kn kw w v kv pa kpa hpa hz k ev kev atm"
        " bar mbar torr mmhg cal kcal db rpm ppm amu ohm kb gb tb am pm"
        " A mA MA kA mV MV mW MW GW mJ MJ mN MN mPa MPa GPa Hz kHz mHz MHz GHz THz meV MeV GeV TeV M mM mF nF"
        " pF mT Mb MB"
    ).split()
} | {
    "Hz": "hz", "mi": "mile", "min": "minute", "sec": "s", "second": "s", "hr": "h", "hrs": "h", "mph": "mph",
}  # fmt: skip

# Short words that are no names of variables or points, and words of letters that are.
NO_NAMES = frozenset(
    """
    of to in is it on at as an be by or if we he do no so up us my go am me oh ok vs mr ms dr th st nd rd
    the and for are was has had how who why its can let you all any use his her she one per let not find what
    """.split()
)
VARIABLES = frozenset("xyz abc abcd pqr".split())

GREEK = {
    chr(code): name if chr(code).islower() else name.capitalize()
    for code in range(0x391, 0x3CA)
    if (name := unicodedata.name(chr(code), "?").split()[-1].lower().replace("lamda", "lambda")) != "?"
}

HAN_DIGITS = dict(zip("零一二三四五六七八九", range(10), strict=True)) | {"〇": 0, "两": 2}
HAN_PLACES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
# Longer ones first, as the expression below takes the first that fits.
HAN = {
    "至少": "least", "至多": "most", "最大": "max", "最小": "min", "最多": "max", "最少": "min", "大于": ">",
    "小于": "<", "多于": ">", "少于": "<", "不": "not", "加": "+", "减": "-", "乘": "*", "除": "/", "奇": "odd",
    "偶": "even", "正": "positive", "负": "negative", "倍": "*", "半": "1/2", "千米": "km", "公里": "km", "厘米": "cm",
    "毫米": "mm", "米": "m", "千克": "kg", "公斤": "kg", "克": "g", "吨": "t", "升": "l", "元": "¥", "角": "角",
    "分钟": "minute", "小时": "h", "度": "°",
}  # fmt: skip

SYMBOLS = (
    {spelling: one for one, others in _SAME.items() for spelling in (one, *others.split())}
    | {word: word for word in _TURNING}
    | {
        spelling: one
        for one, others in _UNIT_WORDS.items()
        for spelling in (one, *others.split())
        if len(spelling) > 2 or not spelling.isalpha()
    }
    | {
        "a.m": "am",
        "p.m": "pm",
        "n't": "not",
        "n’t": "not",
        "º": "°",
        "nonzero": "not 0",
        "nonnegative": "not negative",
        "nonpositive": "not positive",
        "non": "not",
    }
    | _NUMBERS
    | _ORDINALS
    | HAN
)
# Words of ordinary prose, and names, that are operators only as commands or symbols.
_COMMANDS_ONLY = frozenset("in to over under int le ge ne lt gt pm div cap cup sim neg aleph beth dots".split())
COMMANDS = {name: one for name, one in SYMBOLS.items() if name.isascii()} | {"in": "in"}
WORDS = {name: one for name, one in SYMBOLS.items() if name not in _COMMANDS_ONLY}
