"""The answer's process where it is called and nothing else is tested: it calls a function and prints the value.

It runs before the answer, in a namespace and with builtins of its own, and leaves the call to `atexit`. Each part is
compiled under its own name, so that a traceback tells whose fault it was and an answer may begin with
`from __future__ import ...`. No json: its import costs more than most answers, so values go as Python literals. For
`stdin` it only runs `setup`; the answer itself reads and prints.
"""

from __future__ import annotations

import atexit
import os
import sys
from os import _exit, write
from sys import setprofile, settrace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    kind = setup = mark = ""

plain: Any = __builtins__
main = sys.modules["__main__"].__dict__
out = os.dup(1)


def ours(part: str, text: str, space: dict[str, Any], say: Callable[..., None]) -> None:
    try:
        exec(compile(text, f"<{part}>", "exec", 0, True), space)
    except BaseException as error:
        say("broken", part + ": " + type(error).__name__ + ": " + str(error))
        _exit(1)


def as_json(value: Any) -> str:
    if value is None or value is True or value is False:
        return repr(value)
    for kind in (str, int):
        if isinstance(value, kind):
            return kind.__repr__(value)
    if isinstance(value, float) and value == value:
        return float.__repr__(value).replace("inf", "1e999")
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([as_json(item) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([repr(str(key)) + ":" + as_json(item) for key, item in value.items()]) + "}"
    raise TypeError(type(value).__name__)


def as_literal(value: Any) -> str:
    if value is None or value is True or value is False:
        return repr(value)
    for kind in (str, int, bytes, complex):
        if isinstance(value, kind):
            return kind.__repr__(value)
    if isinstance(value, float) and value == value:
        return float.__repr__(value).replace("inf", "1e999")
    if isinstance(value, bytearray):
        return repr(bytes(value))
    if isinstance(value, tuple):
        return "(" + "".join([as_literal(item) + "," for item in tuple.__iter__(value)]) + ")"
    if isinstance(value, list):
        return "[" + ",".join([as_literal(item) for item in list.__iter__(value)]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([as_literal(key) + ":" + as_literal(item) for key, item in dict.items(value)]) + "}"
    if isinstance(value, (set, frozenset, type({}.keys()))):
        return "{" + ",".join([as_literal(item) for item in value]) + "}" if value else "set()"
    if hasattr(value, "as_integer_ratio"):
        top, bottom = value.as_integer_ratio()
        if bottom == 1 or (top / bottom).as_integer_ratio() == (top, bottom):
            return repr(top if bottom == 1 else top / bottom)
    raise TypeError(type(value).__name__)


def call(space: dict[str, Any], say: Callable[..., None], name: str, given: Any, show: Callable[[Any], str]) -> None:
    target = space.get(name, plain.get(name) if show is as_literal else None)
    if target is None and "Solution" in space:
        target = getattr(space["Solution"](), name, None)
    if not callable(target):
        say("missing")
        return
    value = target(*given[0], **given[1])
    try:
        text = show(value)
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        say("odd", str(error))
        return
    say("value", text)


def begin() -> None:
    chunks = []
    while chunk := os.read(0, 1 << 16):
        chunks.append(chunk)
    mark, name, text = b"".join(chunks).decode("utf-8", "surrogatepass").split("\n", 2)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    module = sys.modules["answer"] = type(sys)("answer")
    space = module.__dict__

    def say(word: str, text: str = "") -> None:
        write(out, f"\n{mark} {word} {text}\n".encode("utf-8", "replace"))

    space["__builtins__"] = dict(plain)
    ours("setup", setup, space, say)
    space["__builtins__"] = sys.modules["builtins"]
    given = eval(text, {"nan": float("nan"), "inf": float("inf")})
    show = as_json if kind == "call" else as_literal

    def finish() -> None:
        settrace(None)
        setprofile(None)
        if not main.get("answered"):
            return
        try:
            call(space, say, name, given, show)
        except SystemExit:
            _exit(1)
        except BaseException as error:
            import traceback

            said = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-8))
            write(2, said[-4000:].encode("utf-8", "replace"))
            _exit(1)

    atexit.register(finish)


if kind == "stdin":

    def say(word: str, text: str = "") -> None:
        write(out, f"\n{mark} {word} {text}\n".encode("utf-8", "replace"))

    ours("setup", setup, main, say)
else:
    begin()
