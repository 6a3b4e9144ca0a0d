"""Short programming tasks: one operation on a number, a list or a string, sometimes a guard or a second step.

An operation is a phrase and an expression; the same one is asked as a function (tests of kind `call` or `asserts`)
or as a program over standard input (kind `stdin`). Outputs of tests come from running the gold program here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from data.generator.problem import Problem
from data.generator.wording import NAMES, PLACES, WEATHER


@dataclass(frozen=True)
class Operation:
    """What is asked in words and in Python. `{v}` is the argument, `{k}`, `{c}` constants, `{a}`, `{b}` letters."""

    takes: str
    gives: str
    phrase: str
    expression: str


OPERATIONS = (
    Operation("int", "int", "{v} times {k} plus {c}", "{v} * {k} + {c}"),
    Operation("int", "int", "{v} times {k} minus {c}", "{v} * {k} - {c}"),
    Operation("int", "int", "{c} minus {v}", "{c} - {v}"),
    Operation("int", "int", "the square of {v} plus {c}", "{v} ** 2 + {c}"),
    Operation("int", "int", "the cube of {v} minus {c}", "{v} ** 3 - {c}"),
    Operation("int", "int", "the remainder of {v} divided by {k}", "{v} % {k}"),
    Operation("int", "int", "the quotient of {v} and {k} without remainder", "{v} // {k}"),
    Operation("int", "int", "the distance between {v} and {c}", "abs({v} - {c})"),
    Operation("int", "int", "the larger of {v} and {c}", "max({v}, {c})"),
    Operation("int", "int", "the smaller of {v} and {c}", "min({v}, {c})"),
    Operation("int", "int", "the sum of all numbers from 1 to {v}", "sum(range(1, {v} + 1))"),
    Operation("int", "int", "the sum of the digits of {v}", "sum(int(d) for d in str({v}))"),
    Operation("int", "int", "the sum of the multiples of {k} below {v}", "sum(range(0, {v}, {k}))"),
    Operation("int", "list", "the first {k} multiples of {v}", "[{v} * i for i in range(1, {k} + 1)]"),
    Operation("int", "list", "the numbers from {v} down to 1", "list(range({v}, 0, -1))"),
    Operation("list", "int", "the sum of {v} plus {c}", "sum({v}) + {c}"),
    Operation("list", "int", "the largest of {v} minus the smallest", "max({v}) - min({v})"),
    Operation("list", "int", "the largest of {v} times {k}", "max({v}) * {k}"),
    Operation("list", "int", "how many of {v} are greater than {c}", "sum(1 for i in {v} if i > {c})"),
    Operation("list", "int", "how many of {v} are even", "sum(1 for i in {v} if i % 2 == 0)"),
    Operation("list", "int", "how many of {v} are multiples of {k}", "sum(1 for i in {v} if i % {k} == 0)"),
    Operation("list", "int", "the sum of the squares of {v}", "sum(i ** 2 for i in {v})"),
    Operation("list", "int", "how many different numbers are in {v}", "len(set({v}))"),
    Operation("list", "list", "each of {v} times {k}", "[i * {k} for i in {v}]"),
    Operation("list", "list", "each of {v} plus {c}", "[i + {c} for i in {v}]"),
    Operation("list", "list", "those of {v} that are below {c}", "[i for i in {v} if i < {c}]"),
    Operation("list", "list", "those of {v} that are odd", "[i for i in {v} if i % 2 == 1]"),
    Operation("list", "list", "{v} in rising order", "sorted({v})"),
    Operation("list", "list", "{v} in falling order", "sorted({v}, reverse=True)"),
    Operation("list", "list", "{v} from back to front", "{v}[::-1]"),
    Operation("list", "list", "the first {k} of {v}", "{v}[:{k}]"),
    Operation("list", "list", "the last {k} of {v}", "{v}[-{k}:]"),
    Operation("str", "str", "{v} in capital letters", "{v}.upper()"),
    Operation("str", "str", "{v} in small letters", "{v}.lower()"),
    Operation("str", "str", "{v} from back to front", "{v}[::-1]"),
    Operation("str", "str", "{v} repeated {k} times", "{v} * {k}"),
    Operation("str", "str", "the first {k} letters of {v}", "{v}[:{k}]"),
    Operation("str", "str", "{v} without its first {k} letters", "{v}[{k}:]"),
    Operation("str", "str", "{v} with every {a} replaced by {b}", '{v}.replace("{a}", "{b}")'),
    Operation("str", "str", "{v} without the letter {a}", '{v}.replace("{a}", "")'),
    Operation("str", "int", "how often {a} is in {v}", '{v}.count("{a}")'),
    Operation("str", "int", "the length of {v} plus {c}", "len({v}) + {c}"),
    Operation("str", "int", "the length of {v} times {k}", "len({v}) * {k}"),
    Operation("str", "int", "the number of words in {v}", "len({v}.split())"),
)

ARGUMENTS = {"int": ("x", "n", "value"), "list": ("nums", "items", "values"), "str": ("text", "word", "s")}
NOUNS = {"int": "a whole number", "list": "a list of whole numbers", "str": "a string"}
READERS = {"int": "int(input())", "list": "list(map(int, input().split()))", "str": "input()"}
VERBS = "get find make build solve work calc give take form".split()
THINGS = "fox moon tree lake star bird hill wave leaf stone boat lamp bell road rain".split()
OPENERS = (
    "{name} keeps data from the {place}.",
    "This is for a tool at the {place}.",
    "{name} is learning Python.",
    "A {weather} day is good for code.",
    "The {place} needs a small script.",
    "Help {name} with this task.",
)
LETTERS = "aeioustrnl"


def _argument(rng: Random, kind: str) -> object:
    if kind == "int":
        return rng.randint(1, 60)
    if kind == "list":
        return [rng.randint(1, 60) for _ in range(rng.randint(4, 8))]
    return " ".join(
        "".join(rng.choice("aeioustrnlkm") for _ in range(rng.randint(3, 6))) for _ in range(rng.randint(1, 3))
    )


def _guard(rng: Random, operation: Operation, v: str) -> tuple[str, str] | None:
    """A special case as (words, condition), for operations on numbers and lists that give a number."""
    if operation.gives != "int" or rng.random() < 0.65:
        return None
    if operation.takes == "int":
        limit = rng.randint(11, 50)
        side, sign = rng.choice((("above", ">"), ("below", "<")))
        return f"if {v} is {side} {limit}", f"{v} {sign} {limit}"
    limit = rng.randint(2, 9)
    return f"if the length of {v} is above {limit}", f"len({v}) > {limit}"


def _program(operation: Operation, name: str | None, v: str, expression: str, guard: str | None, special: int) -> str:
    """The gold program: a function called `name`, or for None a script from standard input to standard output."""
    if name:
        lines = [f"def {name}({v}):"]
        if guard:
            lines += [f"    if {guard}:", f"        return {special}"]
        return "\n".join([*lines, f"    return {expression}"])
    shown = f"print(*{expression})" if operation.gives == "list" else f"print({expression})"
    lines = [f"{v} = {READERS[operation.takes]}"]
    if guard:
        return "\n".join([*lines, f"if {guard}:", f"    print({special})", "else:", f"    {shown}"])
    return "\n".join([*lines, shown])


def _tests(
    rng: Random,
    operation: Operation,
    name: str | None,
    kind: str,
    v: str,
    expression: str,
    guard: str | None,
    special: int,
) -> dict:
    """Five cases whose expected outputs are computed from the gold expression (our own text, so `eval` is safe)."""
    arguments = [_argument(rng, operation.takes) for _ in range(5)]
    outputs = [special if guard and eval(guard, {v: a}) else eval(expression, {v: a}) for a in arguments]  # noqa: S307
    if kind == "call":
        return {"kind": "call", "fn_name": name, "inputs": [[a] for a in arguments], "outputs": outputs}
    if kind == "asserts":
        return {
            "kind": "asserts",
            "asserts": [f"assert {name}({a!r}) == {o!r}" for a, o in zip(arguments, outputs, strict=True)],
        }

    def flat(value: object) -> str:
        return " ".join(map(str, value)) if isinstance(value, list) else str(value)

    return {
        "kind": "stdin",
        "inputs": [flat(a) + "\n" for a in arguments],
        "outputs": [flat(o) + "\n" for o in outputs],
    }


def _question(
    rng: Random, operation: Operation, kind: str, name: str, v: str, phrase: str, guard: str | None, special: int
) -> str:
    noun = NOUNS[operation.takes]
    if kind == "stdin":
        source = {"int": "one whole number", "list": "whole numbers on one line", "str": "one line"}[operation.takes]
        core = rng.choice(
            (
                f"Read {source} {v} from standard input and print {phrase}.",
                f"Your program gets {source} {v} on standard input. Print {phrase}.",
                f"Print {phrase}, where {v} is {source} from standard input.",
            )
        )
        ending = f" But {guard}, print {special}." if guard else ""
    else:
        core = rng.choice(
            (
                f"Write a function {name}({v}) that returns {phrase}.",
                f"Given {noun} {v}, return {phrase}. Name the function {name}.",
                f"Implement {name}({v}), where {v} is {noun}: it returns {phrase}.",
            )
        )
        ending = f" But {guard}, return {special}." if guard else ""
    if rng.random() < 0.55:
        words = {"name": rng.choice(NAMES), "place": rng.choice(PLACES), "weather": rng.choice(WEATHER)}
        core = rng.choice(OPENERS).format(**words) + " " + core
    return core + ending


def _make(rng: Random, kind: str, family: str) -> Problem:
    operation, name = rng.choice(OPERATIONS), f"{rng.choice(VERBS)}_{rng.choice(THINGS)}"
    v = rng.choice(ARGUMENTS[operation.takes])
    a, b = rng.sample(LETTERS, 2)
    words = {"v": v, "k": rng.randint(2, 9), "c": rng.randint(2, 40), "a": a, "b": b}
    phrase, expression = operation.phrase.format(**words), operation.expression.format(**words)
    found, special = _guard(rng, operation, v), rng.randint(0, 99)
    said, guard = found or (None, None)
    called = None if kind == "stdin" else name
    program = _program(operation, called, v, expression, guard, special)
    tests = _tests(rng, operation, called, kind, v, expression, guard, special)
    question = _question(rng, operation, kind, name, v, phrase, said, special)
    steps = [f"Take {phrase}."] + ([f"Special case {said}."] if said else [])
    solution = "<think>\n" + "\n".join(steps) + f"\n</think>\n\n```python\n{program}\n```"
    return Problem("code", family, question, program, tests, solution)


def call(rng: Random) -> Problem:
    """A function, tested by calls."""
    return _make(rng, "call", "call")


def asserts(rng: Random) -> Problem:
    """A function, tested by assert statements."""
    return _make(rng, "asserts", "asserts")


def stdin(rng: Random) -> Problem:
    """A program from standard input to standard output."""
    return _make(rng, "stdin", "stdin")


FAMILIES: dict[str, Callable[[Random], Problem]] = {"call": call, "asserts": asserts, "stdin": stdin}
