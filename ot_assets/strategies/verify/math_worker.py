"""The process that runs math-verify: a line of JSON in (pairs of `gold` and `given`), a line of JSON out a pair.

It is started by file with `python -I`, never imported by its package's name: it must load neither Dagster nor Polars,
and with this folder on the path the modules beside it would hide the standard library's `math` and `code`.
`pool.py` kills it by wall clock, as math-verify's own time limits hang (Math-Verify issue 65). It also ends by itself:
with the thread that started it (the kernel sends SIGKILL), and after some seconds of CPU more than a pair may take.

What math-verify gets wrong is kept from it. Lists, sets, tuples, intervals and unions are taken apart here, as text,
with their order, their brackets and their repeats; it compares what is left, and of what it accepts the known wrong
accepts are refused (`is_doubtful`). Its parser's last resort, the last number of a text, is not used at all.

Arguments: megabytes of memory, seconds a pair, the process number of the owner.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

# math-verify rounds to six decimals; of numbers that are small or large, six significant digits must agree.
RELATIVE = 1e-6
BLOCKED_FILE_BYTES = 0
SLACK_CPU_SECONDS = 5
PR_SET_PDEATHSIG, SIGKILL = 1, 9
# Items of a set are compared each with each.
MOST_ITEMS = 64


class Unreadable(Exception):
    """A text that is no mathematics. Its first argument is the text."""


def main() -> None:
    """Answer until stdin ends. The first line out says that the imports are done."""
    die_with(int(sys.argv[3]))
    memory, seconds = int(sys.argv[1]) << 20, float(sys.argv[2])
    logging.disable(logging.CRITICAL)
    algebra = Algebra()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCKED_FILE_BYTES, BLOCKED_FILE_BYTES))
    sys.setrecursionlimit(5000)
    # The first comparison loads much of SymPy, which is not to count as time of a pair.
    answer(algebra, "(x+1)^2", "x^2+2x+1")
    say({"ready": True})
    for line in sys.stdin:
        for gold, given in json.loads(line):
            limit_cpu(seconds)
            say(answer(algebra, gold, given))


def die_with(owner: int) -> None:
    """End when the owner does, also if it is killed, and also if it already was."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != owner:
        sys.exit("the owner ended")


def limit_cpu(seconds: float) -> None:
    """From now on: the kernel ends the process that goes on for longer (SIGXCPU)."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(used + seconds + SLACK_CPU_SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(algebra: Algebra, gold: str, given: str) -> dict[str, object]:
    """The verdict on one pair. Everything that math-verify raises is an `error`; its timeouts are BaseExceptions."""
    try:
        verdict, reason = judge(algebra, gold, given)
    except MemoryError:
        verdict, reason = "error", "math-verify ran out of memory"
    except BaseException as problem:
        verdict, reason = "error", f"math-verify raised {type(problem).__name__}: {str(problem)[:200]}"
    return {"verdict": verdict, "reason": reason}


def judge(algebra: Algebra, gold: str, given: str) -> tuple[str, str]:
    algebra.start(gold, given)
    wanted = prepared(gold)
    try:
        for item in leaves(wanted):
            algebra.read(item)
    except Unreadable:
        return "error", f"the reference '{gold[:80]}' cannot be read as mathematics"
    got = prepared(given)
    try:
        for item in leaves(got):
            algebra.read(item)
        equal = same(wanted, got, algebra.equal, nested=False)
    except Unreadable:
        return "unparsed", f"'{given[:80]}' cannot be read as mathematics"
    return ("right", "equal by math-verify") if equal else ("wrong", f"expected '{gold[:80]}', got '{given[:80]}'")


# The text of an answer: what it is made of.

_SPACING = re.compile(
    r"(?<!\\)\\(?:left|right|displaystyle|limits|[Bb]igg?[lr]?|,|!|;|:| )(?![a-zA-Z])|\\q?quad(?![a-zA-Z])|~"
)
_CONNECTIVE = re.compile(
    r"(?:[,;]\s*)?\\(?:text|mathrm|textrm|mbox)\s*\{\s*,?\s*(?:and|or)\s*\}|[,;]?\s(?:and|or)\s|\\lor(?![a-zA-Z])|;"
)
_EXPONENT = re.compile(r"(?<![a-zA-Z])((?:\d+\.?\d*|\.\d+))[eE]([+-]?\d+)(?![\w.])")
_ORDINAL = re.compile(
    r"(?<=\d)\s*(?:\^\s*)?\{?(?:\\(?:text|mathrm|textrm)\s*\{)?\s*(?:st|nd|rd|th)\s*\}{0,2}(?![a-zA-Z])"
)
_GROUPED = re.compile(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?=[^,\d]*$)")
_EULER, _SUBSCRIPT, _PRIME = (
    re.compile(r"(?<![a-zA-Z\\{])([eE])(?=_)"),
    re.compile(r"_\{\\([a-zA-Z]+)\}"),
    re.compile(r"(?<=\w)'"),
)
_EMPTY = re.compile(r"\\varnothing|\\empty(?:set)?(?![a-zA-Z])|∅|\\\{\s*\\\}")
_NAME = r"(?:[a-zA-Z]|\\[a-zA-Z]+)(?:_\{?\w+\}?|')*"
_NAMES = re.compile(rf"^\(?{_NAME}(?:,{_NAME})*\)?$")
_MEMBER = re.compile(rf"^{_NAME}\s*\\in(?![a-zA-Z])")
_EQUALS = re.compile(r"(?<![<>!\\:=])=(?![=<>])")
_PAIRS = {"(": ")", "[": "]", "\\{": "\\}", "\\langle": "\\rangle"}
_TOKEN = re.compile(r"\\langle|\\rangle|\\begin|\\end|\\cup|\\[{}]|\\?.", re.DOTALL)
_OPENING, _CLOSING = {"(", "[", "{", "\\{", "\\langle", "\\begin"}, {")", "]", "}", "\\}", "\\rangle", "\\end"}
# Beside these a name before `=` stands for what is asked.
_SOLVED = re.compile(r"\d")
_APPLIED = re.compile(r"_\{[^{}]*\}|_\w|[a-zA-Z}]\([^()]*\)")


def prepared(text: str) -> str:
    """`text` without spacing and with one spelling of what has several."""
    text = text.strip().replace("$", "").replace("−", "-").replace("∞", "\\infty").replace("π", "\\pi ")
    text = _EMPTY.sub(r"\\emptyset ", _SPACING.sub(" ", re.sub(r"^\\\((.*)\\\)$", r"\1", text, flags=re.DOTALL)))
    text = _CONNECTIVE.sub(", ", _ORDINAL.sub("", text))
    text = _EXPONENT.sub(r"\1\\cdot 10^{\2}", text.replace("{,}", "").replace("\\$", ""))
    text = text.replace("\\langle", "(").replace("\\rangle", ")").strip().rstrip(".,").strip()
    # The parser takes `e_1` for a power of e, `y'` for y and no command in a subscript.
    text = _PRIME.sub(r"_{prime}", _EULER.sub(r"\\mathrm{\1}", _SUBSCRIPT.sub(r"_{\1}", text)))
    grouped = _GROUPED.match(text)
    return grouped[0].replace(",", "") + text[grouped.end() :] if grouped else text


def parts(text: str, separator: str) -> list[str]:
    """`text` cut at each `separator` that stands in no bracket. Unreadable if the brackets are no pairs.

    An interval closes with any of `)` and `]`.
    """
    found, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in _OPENING:
            depth += 1
        elif token[0] in _CLOSING:
            depth -= 1
            if depth < 0:
                raise Unreadable(text)
        elif token[0] == separator and depth == 0:
            found.append(text[start : token.start()])
            start = token.end()
    if depth:
        raise Unreadable(text)
    return [part.strip() for part in [*found, text[start:]]]


def bracketed(text: str) -> tuple[str, str, str] | None:
    """The opening bracket, what is inside, and the closing one, if they enclose all of `text`."""
    for opening in _PAIRS:
        if text.startswith(opening):
            closing = next((c for c in (")", "]", "\\}") if text.endswith(c)), None)
            inside = text[len(opening) : len(text) - len(closing or "")].strip()
            if closing and (opening == "\\{") == (closing == "\\}") and _is_balanced(inside):
                return opening, inside, closing
    return None


def _is_balanced(text: str) -> bool:
    try:
        parts(text, "")
    except Unreadable:
        return False
    return True


def items(text: str) -> list[str]:
    r"""The parts of a list: `x=1, 2` has two, and so has `\pm 1`. An empty part is none."""
    found = []
    for part in parts(text, ","):
        if re.search(r"\\pm|\\mp|±", part):
            for plus, minus in (("+", "-"), ("-", "+")):
                found.append(re.sub(r"\\mp(?![a-zA-Z])", minus, re.sub(r"\\pm(?![a-zA-Z])|±", plus, part)))
        elif part:
            found.append(part)
    return [part.lstrip("+").strip() if part.startswith("+") else part for part in found]


def named(text: str) -> tuple[str, str]:
    """`x` and `5` of `x = 5` or `x \\in 5`; "" and the text where no name is given a value."""
    member = _MEMBER.match(text)
    if member:
        return re.sub(r"\s|\\in$", "", member[0]), text[member.end() :].strip()
    sides = parts(text, "=")
    name = re.sub(r"\s", "", sides[0])
    if len(sides) == 2 and _EQUALS.search(text) and _NAMES.match(name):
        return name, sides[1]
    return "", text


def leaves(text: str) -> Iterator[str]:
    """What is left of `text` to be read when it is taken apart as far as `same` does."""
    listed = items(text)
    if len(listed) > 1:
        for item in listed:
            yield from leaves(item)
        return
    text = named(listed[0] if listed else text)[1]
    enclosed = bracketed(text)
    if enclosed and len(items(enclosed[1])) > 1 and not _is_described(enclosed[1]):
        yield from leaves(enclosed[1])
    else:
        yield text


def _is_described(inside: str) -> bool:
    return bool(re.search(r"\||\\mid|:", inside))


def same(gold: str, given: str, equal: Callable[[str, str], bool], nested: bool) -> bool:
    """Whether two answers are the same list, set, tuple, interval or expression. `equal` compares expressions."""
    a, b = items(gold), items(given)
    if len(a) > 1 or len(b) > 1:
        return _same_lists(a, b, gold, given, equal, nested)
    gold, given = (a or [gold])[0], (b or [given])[0]
    (name_a, body_a), (name_b, body_b) = named(gold), named(given)
    if name_a and name_b and name_a != name_b and "(" not in name_a + name_b:
        # `x=y` may still be the equation `y=x`.
        return equal(gold, given)
    if name_a or name_b:
        shape = bracketed(body_a) or bracketed(body_b)
        if shape and "," in shape[1]:
            return same(body_a, body_b, equal, nested)
    enclosed_a, enclosed_b = bracketed(body_a), bracketed(body_b)
    if enclosed_a and enclosed_b:
        inner_a, inner_b = items(enclosed_a[1]), items(enclosed_b[1])
        if len(inner_a) > 1 or len(inner_b) > 1:
            return _same_enclosed(enclosed_a, enclosed_b, inner_a, inner_b, equal)
    if nested and _is_set(enclosed_a) != _is_set(enclosed_b):
        return False
    return equal(gold, given)


def _is_set(enclosed: tuple[str, str, str] | None) -> bool:
    return enclosed is not None and enclosed[0] == "\\{"


def _same_lists(
    a: list[str], b: list[str], gold: str, given: str, equal: Callable[[str, str], bool], nested: bool
) -> bool:
    """A list without brackets is a set with repeats. Beside a set in brackets it is one; beside a tuple it is that."""
    for ours, theirs, whole in ((a, b, given), (b, a, gold)):
        if len(ours) > 1 and len(theirs) == 1:
            enclosed = bracketed(named(theirs[0])[1])
            inner = items(enclosed[1]) if enclosed else []
            if enclosed and len(inner) == len(ours):
                pairs = (ours, inner) if whole is given else (inner, ours)
                if _is_set(enclosed):
                    return match(*pairs, equal)
                if enclosed[0] == "(" and enclosed[2] == ")":
                    return all(same(x, y, equal, True) for x, y in zip(*pairs, strict=True))
    if len(a) != len(b):
        return False
    names_a, names_b = ({named(item)[0] for item in side} - {""} for side in (a, b))
    if (len(names_a) > 1) != (len(names_b) > 1):
        # `x=1, y=2` beside `1, 2`: only the order tells which is which.
        return all(same(x, y, equal, nested) for x, y in zip(a, b, strict=True))
    return match(a, b, equal)


def _same_enclosed(
    a: tuple[str, str, str],
    b: tuple[str, str, str],
    inner_a: list[str],
    inner_b: list[str],
    equal: Callable[[str, str], bool],
) -> bool:
    if len(inner_a) != len(inner_b) or _is_set(a) != _is_set(b):
        return False
    if _is_set(a):
        return match(inner_a, inner_b, equal)
    # Two numbers in brackets may be an interval.
    if len(inner_a) == 2 and (a[0], a[2]) != (b[0], b[2]):
        return False
    return all(same(x, y, equal, True) for x, y in zip(inner_a, inner_b, strict=True))


def match(a: list[str], b: list[str], equal: Callable[[str, str], bool]) -> bool:
    """Whether the items of `a` are those of `b` in some order, repeats included."""
    if len(a) != len(b) or len(a) > MOST_ITEMS:
        return False
    left = list(b)
    for item in a:
        place = next((i for i, other in enumerate(left) if same(item, other, equal, True)), None)
        if place is None:
            return False
        del left[place]
    return True


# One expression, by math-verify.

_IMAGINARY = re.compile(r"(?<![a-zA-Z\\_{])i(?![a-zA-Z=])|(?<=\{)i(?=[\\ +*\-}])|\\(?:imath|mathrm\{i\}|Re|Im|arg|det)")
_PERCENT = re.compile(r"\\?%|\\text\s*\{\s*percent\s*\}")
_APART = re.compile(r"\d\s+\d")


class Algebra:
    """math-verify, its parser and SymPy, imported once. `start` says between which texts the next comparison is."""

    def __init__(self) -> None:
        import math_verify
        import sympy
        from latex2sympy2_extended import latex2sympy2

        self._verify, self._sympy, self._latex = math_verify.verify, sympy, latex2sympy2
        self._form = latex2sympy2.NormalizationConfig(
            basic_latex=True, units=True, malformed_operators=True, nits=True, boxed="none", equations=False
        )
        self._is_real = True
        self._parse = lru_cache(maxsize=256)(self._parsed)

    def start(self, gold: str, given: str) -> None:
        """`i` is the imaginary unit on both sides if it seems to be on one."""
        self._is_real = not any(_IMAGINARY.search(re.sub(r"_\{[^{}]*\}", "", text)) for text in (gold, given))
        self._parse.cache_clear()

    def read(self, text: str) -> Any:
        """The expression that `text` is; Unreadable if it is none."""
        found = self._parse(text)
        if isinstance(found, Unreadable):
            raise found
        return found

    def _parsed(self, text: str) -> Any:
        """SymPy's object, or the Unreadable that reading it raised, so that both are kept."""
        normal = self._latex.normalize_latex(text.lstrip("="), self._form)
        if _APART.search(normal):
            return Unreadable(text)
        sides = _EQUALS.split(normal)
        for latex in (normal, sides[-1]) if len(sides) > 2 else (normal,):
            try:
                found = self._latex.latex2sympy(
                    latex, is_real=self._is_real, convert_degrees=False, normalization_config=None
                )
                return self._opaque(found if self._is_real else self._imaginary(found))
            except (MemoryError, RecursionError):
                raise
            except Exception:
                continue
        return Unreadable(text)

    def _imaginary(self, found: Any) -> Any:
        units = [symbol for symbol in getattr(found, "free_symbols", ()) if symbol.name == "i"]
        return found.subs(dict.fromkeys(units, self._sympy.I)) if units else found

    def _opaque(self, found: Any) -> Any:
        """`dy/dx` as a symbol, which SymPy takes for 0 when y is one."""
        sympy = self._sympy
        slopes = found.atoms(sympy.Derivative) if isinstance(found, sympy.Basic) else ()
        return found.xreplace({d: sympy.Symbol(str(d), real=True) for d in slopes if d.expr.is_Symbol})

    def equal(self, gold: str, given: str) -> bool:
        if re.sub(r"\s", "", gold) == re.sub(r"\s", "", given):
            return True
        if bool(_PERCENT.search(gold)) != bool(_PERCENT.search(given)):
            # As in the exact comparison, the sign may be read either way.
            pair = [(text, _PERCENT.sub("", text)) for text in (gold, given)]
            hundredths = [bare if bare == text else f"\\frac{{{bare}}}{{100}}" for text, bare in pair]
            return self._equal(pair[0][1], pair[1][1]) or self._equal(hundredths[0], hundredths[1])
        return self._equal(gold, given)

    def _equal(self, gold: str, given: str) -> bool:
        wanted, got = self.read(gold), self.read(given)
        if self._is_other_equation(wanted, got):
            return False
        try:
            equal = self._verify(wanted, got, timeout_seconds=None, raise_on_error=True, allow_set_relation_comp=True)
        except KeyError:
            # It knows no `!=`.
            equal = False
        if not equal:
            return self._same_solutions(wanted, got)
        return not self.is_doubtful(wanted, got)

    def is_doubtful(self, a: Any, b: Any) -> bool:
        """Whether an accept of math-verify is one of those that are known to be wrong."""
        sympy = self._sympy
        if isinstance(a, sympy.Eq) and isinstance(b, sympy.Eq):
            return self._are_other_equations(a, b)
        if isinstance(a, sympy.Eq):
            a = a.rhs
        if isinstance(b, sympy.Eq):
            b = b.rhs
        if isinstance(a, sympy.MatrixBase) and isinstance(b, sympy.MatrixBase):
            return a.shape != b.shape or any(map(self.is_doubtful, a, b))
        if isinstance(a, sympy.Interval) and isinstance(b, sympy.Interval):
            return self.is_doubtful(a.start, b.start) or self.is_doubtful(a.end, b.end)
        if isinstance(a, sympy.Rel) and isinstance(b, sympy.Rel):
            return not self._is_zero_or_ratio(a.lhs - a.rhs, b.lhs - b.rhs)
        if isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr):
            return not self._same_size(a, b)
        return False

    def _is_other_equation(self, gold: Any, given: Any) -> bool:
        """`x^2+y^2=5` is not what a reference `5` asks for, `2+3=6` is false, and `m+n=5` may be an answer."""
        sympy = self._sympy
        if not isinstance(given, sympy.Eq) or isinstance(gold, sympy.Rel) or not isinstance(gold, sympy.Expr):
            return False
        left, right = given.lhs, given.rhs
        if not getattr(left, "free_symbols", None):
            return not (getattr(right, "free_symbols", None) or self._same_size(left, right))
        if gold.free_symbols or not isinstance(left, sympy.Expr):
            return False
        return bool(left.atoms(sympy.Number) - {1, -1}) and not left.has(sympy.core.function.AppliedUndef)

    def _are_other_equations(self, a: Any, b: Any) -> bool:
        """math-verify solves equations: two without a solution seem equal to it."""
        if not (a.free_symbols and b.free_symbols):
            return True
        if a.free_symbols != b.free_symbols:
            return False
        if self._is_zero_or_ratio(a.lhs - a.rhs, b.lhs - b.rhs):
            return False
        return not self._sympy.solve(a, a.free_symbols)

    def _is_zero_or_ratio(self, a: Any, b: Any) -> bool:
        """Whether two sides brought over are each other's multiple."""
        ratio = self._sympy.simplify(a / b)
        return bool(ratio.is_number) and ratio.is_zero is False and ratio.is_finite is not False

    def _same_solutions(self, a: Any, b: Any) -> bool:
        """Relations of the same one unknown that hold for the same numbers."""
        sympy = self._sympy
        kinds = (sympy.Rel, sympy.And, sympy.Or)
        if not all(isinstance(side, kinds) and len(side.free_symbols) == 1 for side in (a, b)):
            return False
        if a.free_symbols != b.free_symbols or any(side.has(sympy.Eq) for side in (a, b)):
            return False
        try:
            return bool(a.as_set() == b.as_set())
        except (NotImplementedError, TypeError, ValueError, AttributeError):
            return False

    def _same_size(self, a: Any, b: Any) -> bool:
        """False for two constants, or two multiples of one expression, that differ by more than rounding."""
        if not (a.is_number and b.is_number):
            (a, rest_a), (b, rest_b) = (side.as_coeff_Mul() for side in (a, b))
            if rest_a != rest_b:
                return True
        x, y = a.evalf(30), b.evalf(30)
        difference, sizes = abs(x - y), (abs(x), abs(y))
        if not all(side.is_comparable for side in (difference, *sizes)):
            return True
        return any(difference <= RELATIVE * size for size in sizes)


if __name__ == "__main__":
    main()
