"""The answer's process: it runs the answer when it is told to, and then does what the tests ask of it.

Nothing here is to be trusted, for the answer shares the process. It never learns what is expected of it, so all that
it can tell the tests is what it would return.
"""

from __future__ import annotations

import sys
from io import StringIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ot_assets.strategies.verify.inside.peer import Gone, Peer, own_classes

    SETUP = ANSWER = ""
    MODULES: tuple[str, ...] = ()


class Candidate(Peer):
    """Answers the tests. `space` holds the names of `setup` and of the answer, a module named `answer`."""

    def __init__(self) -> None:
        module = sys.modules["answer"] = type(sys)("answer")
        self.space: dict[str, Any] = module.__dict__
        exec(compile(SETUP, "<setup>", "exec", 0, True), self.space)
        sys.stdout = StringIO()
        super().__init__(3, 4, own_classes(self.space), open=True)

    def printed(self) -> str:
        text = sys.stdout.getvalue() if isinstance(sys.stdout, StringIO) else ""
        sys.stdout = StringIO()
        return text

    def do(self, word: str, values: Any) -> Any:
        if word == "start":
            return self.start()
        if word == "name":
            return self.name(values[0])
        if word == "eval":
            return eval(values[0], self.space)
        return super().do(word, values)

    def start(self) -> list[str]:
        """Run the answer; the names of its functions."""
        before = dict(self.space)
        exec(compile(ANSWER, "<answer>", "exec", 0, True), self.space)
        changed = [name for name, value in self.space.items() if before.get(name) is not value]
        return [name for name in changed if getattr(self.space[name], "__module__", None) == "answer"]

    def name(self, name: str) -> tuple[Any, ...]:
        """What a name stands for: nothing, a module, a name of a module, or a value."""
        if name not in self.space:
            return ()
        value = self.space[name]
        for home in MODULES:
            if home in sys.modules and getattr(sys.modules[home], name, None) is value:
                return ("from", home)
        return ("value", value)


def serve() -> None:
    try:
        Candidate().serve()
    except Gone:
        pass
