"""The link between an answer and its tests: either side calls the other and gets data back.

A frame is its length in eight bytes, then a word and values. `call` and its like are answered by `is` with the value,
`raised` with what was raised; while one side waits it answers what the other asks, so that a test may give a function
to the answer. Of what the tests' side has sent out as a reference, it lets the other side call it or loop over it, and
no more. What the answer prints goes along with each reply, for tests that look at it.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ot_assets.strategies.verify.inside.values import LONGEST, Broken, Packer, Reader

    PLAIN: dict[str, Any] = {}


class Gone(BaseException):
    """The other process has ended, or says what no honest one says."""


class Remote:
    """Something that lives in the other process. What it is asked is answered there; what it equals is decided here."""

    __slots__ = ("_callable", "_name", "_number", "_peer")

    def __init__(self, peer: Peer, number: int, name: str, is_callable: bool) -> None:
        what = {"_peer": peer, "_number": number, "_name": name, "_callable": is_callable}
        for slot, value in what.items():
            object.__setattr__(self, slot, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.ask("call", self._number, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        # No operator crosses: `==` and `-` would show the answer what is expected of it.
        if name.startswith("__") and name != "__name__":
            raise AttributeError(name)
        return self._peer.ask("attribute", self._number, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._peer.ask("set", self._number, name, value)

    def __iter__(self) -> Any:
        return self._peer.ask("iterate", self._number)

    def __next__(self) -> Any:
        found = self._peer.ask("next", self._number)
        if not found:
            raise StopIteration
        return found[0]

    def __len__(self) -> int:
        return self._peer.ask("call_builtin", "len", self._number)

    def __str__(self) -> str:
        return self._peer.ask("call_builtin", "str", self._number)

    def __repr__(self) -> str:
        return self._peer.ask("call_builtin", "repr", self._number)

    def __bool__(self) -> bool:
        return True if self._callable else self._peer.ask("call_builtin", "bool", self._number)

    def __getitem__(self, key: Any) -> Any:
        return self._peer.ask("item", self._number, key)


class Peer:
    """One end. `classes` are those of `setup`; with `open` the other side may look into what it was sent."""

    def __init__(self, read: int, write: int, classes: dict[str, type], *, open: bool) -> None:
        self.fds, self.classes, self.open = (read, write), classes, open
        self.table: list[Any] = []
        self.places: dict[int, int] = {}
        self.remotes: dict[int, Remote] = {}
        self.lock = RLock()  # one question at a time, and what it leads to

    def ask(self, word: str, *values: Any) -> Any:
        """What the other side answers; raises what it raised, or Gone."""
        with self.lock:
            return self.asked(word, values)

    def asked(self, word: str, values: tuple[Any, ...]) -> Any:
        packer = self.packer()
        self.send(word, packer.pack(values))
        sent = packer.queue
        while True:
            said, body = self.receive()
            if said in ("is", "raised"):
                try:
                    (value, printed), _ = self.reader(body).read(sent)
                except (Broken, TypeError, ValueError) as error:
                    raise Gone(str(error)) from None
                if printed and sys.stdout is not sys.__stdout__:
                    print(end=printed)  # noqa: T201 - where the tests have it go
                if said == "is":
                    return value
                raise self.error(value)
            self.answer(said, body)

    def serve(self) -> None:
        """Answer until the other side has ended."""
        while True:
            self.answer(*self.receive())

    def answer(self, word: str, body: bytes) -> None:
        reader = self.reader(body)
        try:
            values, nodes = reader.read([])
        except Broken as error:
            raise Gone(str(error)) from None
        try:
            done = self.do(word, values)
            reply = self.packer(nodes, reader.spans).pack((done, self.printed()))
            said = "is"
        except (Exception, SystemExit) as error:
            said, reply = "raised", self.packer(nodes, reader.spans).pack((told(error), self.printed()))
        self.send(said, reply)

    def printed(self) -> str:
        """What was printed since the last reply."""
        return ""

    def do(self, word: str, values: Any) -> Any:
        if word == "call":
            number, args, kwargs = values
            return self.table[number](*args, **kwargs)
        if word == "iterate":
            return iter(self.table[values[0]])
        if word == "next":
            for value in self.table[values[0]]:
                return (value,)
            return ()
        if not self.open:
            # Python asks some of this by itself and goes on without, if it is told so in this way.
            kind = AttributeError if word in ("attribute", "set") else TypeError
            raise kind("what the tests hand out can be called or looped over, and no more")
        if word == "attribute":
            return getattr(self.table[values[0]], values[1])
        if word == "set":
            return setattr(self.table[values[0]], values[1], values[2])
        if word == "item":
            return self.table[values[0]][values[1]]
        if word == "call_builtin":
            return PLAIN[values[0]](self.table[values[1]])
        raise Gone(word)

    def export(self, value: Any) -> int:
        place = self.places.get(id(value))
        if place is None:
            place = self.places[id(value)] = len(self.table)
            self.table.append(value)
        return place

    def packer(self, home: Any = (), spans: Any = ()) -> Packer:
        return Packer(self.classes, self.export, Remote, home, spans)

    def reader(self, body: bytes) -> Reader:
        return Reader(body, self.classes, self.remote, self.table.__getitem__)

    def remote(self, number: int, name: str, is_callable: bool) -> Remote:
        """What stands here for a place in the other's table: the same thing each time."""
        if number not in self.remotes:
            self.remotes[number] = Remote(self, number, name, is_callable)
        return self.remotes[number]

    def error(self, value: Any) -> BaseException:
        """The exception that `told` has described, as near as this side has it."""
        names, text, args = value
        for name in names:
            cls = self.classes.get(name) or PLAIN.get(name)
            if not (isinstance(cls, type) and issubclass(cls, Exception | SystemExit)):
                continue
            if issubclass(cls, StopIteration | StopAsyncIteration):
                return RuntimeError(f"{name}: {text}")  # it would end a loop of the tests
            for given in (args, (text,)):
                try:
                    return cls(*given)
                except Exception:
                    continue
        return Exception(text)

    def send(self, word: str, body: bytes) -> None:
        data = memoryview(b"%s " % word.encode() + body)
        for piece in (len(data).to_bytes(8, "big"), data):
            while piece:
                try:
                    piece = piece[os.write(self.fds[1], piece) :]
                except OSError:
                    raise Gone("it has ended") from None

    def receive(self) -> tuple[str, bytes]:
        size = int.from_bytes(self.exactly(8), "big")
        if size > LONGEST:
            raise Gone("a message that is too long")
        word, _, body = self.exactly(size).partition(b" ")
        return word.decode("ascii", "replace"), body

    def exactly(self, size: int) -> bytes:
        pieces = []
        while size:
            piece = os.read(self.fds[0], min(size, 1 << 20))
            if not piece:
                raise Gone("it has ended")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def told(error: BaseException) -> tuple[list[str], str, tuple[Any, ...]]:
    """An exception as data: the names of its classes, nearest first, its text, and what it was made with."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return [cls.__name__ for cls in type(error).__mro__ if cls is not object], text, error.args


def own_classes(space: dict[str, Any]) -> dict[str, type]:
    """The plain classes and enums that `setup` has defined, which both sides have."""
    classes = {name: value for name, value in space.items() if isinstance(value, type)}
    mine = {name: value for name, value in classes.items() if value.__module__ == space["__name__"]}
    return {name: value for name, value in mine.items() if type(value) is type or hasattr(value, "__members__")}
