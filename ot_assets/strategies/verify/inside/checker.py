"""The tests' process: it asks the answer's process, and says what came out under the mark that it was given.

The mark and the tests are on its standard input. A name that neither the tests nor `setup` define is the answer's, but
for modules that only compute (`MODULES`): those are Python's own here, whatever the answer calls so, and so are their
members under their own names where the answer has them from there.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ot_assets.strategies.verify.inside.peer import PLAIN, Gone, Peer, own_classes

    SETUP = KIND = ENTRY_POINT = ""
    MODULES: tuple[str, ...] = ()
    SKETCHES: tuple[str, ...] = ()


class Names(dict):  # type: ignore[type-arg]
    """Builtins, and behind them what the answer's process has a name for."""

    peer: Any = None

    def __missing__(self, name: str) -> Any:
        if self.peer is None or name.startswith("__"):
            raise KeyError(name)
        if name in MODULES:
            return __import__(name)
        found = self.peer.ask("name", name)
        if not isinstance(found, tuple) or not found:
            raise KeyError(name)
        if found[0] == "value":
            return found[1]
        if found[1] not in MODULES:
            raise KeyError(name)
        return getattr(__import__(found[1]), name)


def check() -> None:
    chunks = []
    while chunk := os.read(0, 1 << 16):
        chunks.append(chunk)
    mark, _, text = b"".join(chunks).decode("utf-8", "surrogatepass").partition("\n")

    def say(word: str, text: str = "") -> None:
        os.write(1, f"\n{mark} {word} {text}\n".encode("utf-8", "replace"))

    names = Names(PLAIN)
    module = sys.modules["tests"] = type(sys)("tests")
    space: dict[str, Any] = module.__dict__
    space["__builtins__"] = names
    part = "setup"
    try:
        exec(compile(SETUP, "<setup>", "exec", 0, True), space)
        part = "tests"
        tests = compile(text, "<tests>", "exec", 0, True)
    except BaseException as error:
        say("broken", f"{part}: {type(error).__name__}: {error}")
        os._exit(1)
    peer = Peer(3, 4, own_classes(space), open=False)
    try:
        answered = peer.ask("start")
        for name in SKETCHES:
            if name in answered:
                del space[name]
        names.peer = peer
        exec(tests, space)
        if KIND == "check":
            space["check"](peer.ask("eval", ENTRY_POINT))
        say("passed")
    except Gone as error:
        say("gone", str(error))
        os._exit(1)
    except BaseException as error:
        import traceback

        said = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-8))
        os.write(2, said[-4000:].encode("utf-8", "replace"))
        os._exit(1)
