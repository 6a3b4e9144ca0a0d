"""The `tests` of a question, as a checked value, and how outputs are compared with what they expect.

`tests` is JSON of one of four kinds, each with an optional `setup`, code that runs before the answer:

    {"kind": "stdin", "inputs": ["1 2\\n", ...], "outputs": ["3\\n", ...]}
    {"kind": "call", "fn_name": "add", "inputs": [[1, 2], ...], "outputs": [3, ...]}
    {"kind": "asserts", "asserts": ["assert add(1, 2) == 3", ...]}
    {"kind": "check", "code": "def check(candidate): ...", "entry_point": "Solution().add"}
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from dataclasses import dataclass
from typing import Any

# Floats are equal within this, relative to the larger; absolutely near zero.
RELATIVE = 1e-6
ABSOLUTE = 1e-9
# Two words that are longer together are no floats.
FLOAT_CHARS = 1000

_FLOAT = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?$")
_WHOLE = re.compile(r"[+-]?\d+$")


class BadTests(ValueError):
    """The tests cannot be used; the message says what is wrong with them, in one line."""


@dataclass(frozen=True)
class Equality:
    """An assert of the form `assert name(literals) == literal`; `given` holds its arguments, `((1, 2), {"key": 3})`."""

    name: str
    given: str
    expected: Any


@dataclass(frozen=True)
class Tests:
    """`stdins` is what each case is about: the input, the arguments as a literal, the assert, or nothing.

    `equalities` has an item an assert, None for those of another form.
    """

    kind: str
    setup: str
    stdins: tuple[str, ...]
    outputs: tuple[Any, ...] = ()
    equalities: tuple[Equality | None, ...] = ()
    fn_name: str = ""
    code: str = ""
    entry_point: str = ""


def read_tests(text: str) -> Tests:
    """The tests that `text` holds; BadTests names the key that is missing or of a wrong type."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadTests(f"not JSON: {problem}") from None
    if not isinstance(data, dict):
        raise BadTests(f"not a JSON object but {_kind_of(data)}")
    setup = data.get("setup") or ""
    if not isinstance(setup, str):
        raise BadTests(f"'setup' is not text but {_kind_of(setup)}")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in _READERS:
        raise BadTests(f"kind {kind!r} is unknown; there is: {', '.join(_READERS)}")
    return _READERS[kind](data, setup)


def _read_stdin(data: dict[str, Any], setup: str) -> Tests:
    inputs, outputs = _list(data, "inputs"), _list(data, "outputs")
    _same_length(inputs, outputs)
    stdins = tuple(_lines(item, f"inputs[{place}]") for place, item in enumerate(inputs))
    return Tests("stdin", setup, stdins, tuple(_lines(item, f"outputs[{i}]") for i, item in enumerate(outputs)))


def _read_call(data: dict[str, Any], setup: str) -> Tests:
    inputs, outputs = _list(data, "inputs"), _list(data, "outputs")
    _same_length(inputs, outputs)
    for place, item in enumerate(inputs):
        if not isinstance(item, list):
            raise BadTests(f"inputs[{place}] is not a list of arguments but {_kind_of(item)}")
    stdins = tuple(repr(item) for item in inputs)
    return Tests("call", setup, stdins, tuple(outputs), fn_name=_text(data, "fn_name"))


def _read_asserts(data: dict[str, Any], setup: str) -> Tests:
    asserts = _list(data, "asserts")
    for place, item in enumerate(asserts):
        if not isinstance(item, str) or not item.strip():
            raise BadTests(f"asserts[{place}] is not a statement but {_kind_of(item)}")
    return Tests("asserts", setup, tuple(asserts), equalities=tuple(map(equality_of, asserts)))


def equality_of(text: str) -> Equality | None:
    """What an assert compares, if it is a call with literals and a literal, so that it can be compared elsewhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            match ast.parse(text.strip()).body:
                case [
                    ast.Assert(
                        test=ast.Compare(
                            left=ast.Call(func=ast.Name(id=name), args=args, keywords=keywords),
                            ops=[ast.Eq()],
                            comparators=[expected],
                        ),
                        msg=None | ast.Constant(),
                    )
                ] if all(keyword.arg for keyword in keywords):
                    values = ast.Tuple([*args], ast.Load())
                    keys: list[ast.expr | None] = [ast.Constant(keyword.arg) for keyword in keywords]
                    named = ast.Dict(keys, [keyword.value for keyword in keywords])
                    for literal in (values, named):
                        ast.literal_eval(literal)
                    given = f"({ast.unparse(values)}, {ast.unparse(named)})"
                    return Equality(name, given, ast.literal_eval(expected))
    except (TypeError, ValueError, SyntaxError, RecursionError, MemoryError):
        pass
    return None


def _read_check(data: dict[str, Any], setup: str) -> Tests:
    if not re.search(r"\bcheck\b", _text(data, "code") + setup):
        raise BadTests("'code' defines no check(candidate)")
    return Tests("check", setup, ("",), code=_text(data, "code"), entry_point=_text(data, "entry_point"))


_READERS = {"stdin": _read_stdin, "call": _read_call, "asserts": _read_asserts, "check": _read_check}


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    if not isinstance(value, list):
        raise BadTests(f"'{key}' is not a list but {_kind_of(value)}")
    if not value:
        raise BadTests(f"'{key}' is empty: there is nothing to test")
    return value


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadTests(f"'{key}' is not text but {_kind_of(value)}")
    return value


def _same_length(inputs: list[Any], outputs: list[Any]) -> None:
    if len(inputs) != len(outputs):
        raise BadTests(f"{len(inputs)} inputs but {len(outputs)} outputs")


def _lines(value: Any, where: str) -> str:
    # APPS holds some inputs and outputs as lists of lines.
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if not isinstance(value, str):
        raise BadTests(f"{where} is not text but {_kind_of(value)}")
    return value


def _kind_of(value: Any) -> str:
    names = {type(None): "missing", str: "text", bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    return "empty" if value in ("", []) else names.get(type(value), "an object")


def same_output(expected: str, printed: str) -> bool:
    """Whether two outputs agree line by line, in order, duplicates included.

    White space at the end of a line and empty lines at the end do not matter; two words that are not the same text
    may still be equal numbers, if at least one is no whole number (`0.50` = `0.5`, `2` = `2.0`, but not `07` = `7`).
    """
    wanted, got = _trimmed(expected), _trimmed(printed)
    return len(wanted) == len(got) and all(map(_same_line, wanted, got))


def _trimmed(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_line(expected: str, printed: str) -> bool:
    if expected == printed:
        return True
    wanted, got = expected.split(" "), printed.split(" ")
    return len(wanted) == len(got) and all(a == b or _same_float(a, b) for a, b in zip(wanted, got, strict=True))


def _same_float(a: str, b: str) -> bool:
    if len(a) + len(b) > FLOAT_CHARS or not (_FLOAT.match(a) and _FLOAT.match(b)):
        return False
    if _WHOLE.match(a):
        # Written as a float it must still be that number.
        return not _WHOLE.match(b) and float(b).is_integer() and int(float(b)) == int(a)
    return math.isclose(float(a), float(b), rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def same_value(expected: Any, returned: Any) -> bool:
    """Whether two JSON values are equal as in Python; where a float is expected, within 1e-6."""
    if isinstance(expected, list) and isinstance(returned, list):
        return len(expected) == len(returned) and all(map(same_value, expected, returned))
    if isinstance(expected, dict) and isinstance(returned, dict):
        return expected.keys() == returned.keys() and all(same_value(expected[k], returned[k]) for k in expected)
    if isinstance(expected, float) or isinstance(returned, float):
        numbers = isinstance(expected, int | float) and isinstance(returned, int | float)
        return numbers and (expected == returned if isinstance(expected, int) else _close(expected, returned))
    return bool(expected == returned)


def _close(a: float, b: float) -> bool:
    try:
        return a == b or math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    except OverflowError:
        return False
