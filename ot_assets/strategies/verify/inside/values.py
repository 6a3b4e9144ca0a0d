"""Values as data: what one process writes, the other builds anew from plain parts. Nothing that is read is ever run.

A message is a list of nodes, the first one its root. A node is a container or an object with its parts; a part is a
scalar, or the number of a node, so that shared and cyclic values (a ring of list nodes) cross as they are, and depth
costs no recursion. What is no data (functions, iterators, objects of classes that the other side does not have)
crosses as the number of a place in the sender's own table, and is a `Remote` on the other side.

Scalars: None, bool, int, float, str, bytes, complex. Containers: list, tuple, set, frozenset, dict with its views,
bytearray, deque, range, named tuples, those of collections, and fractions, decimals, dates. Objects: instances of the
classes that `setup` defines, attribute by attribute, and its enums; builtin classes, and those of `setup`, by name.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    PLAIN: dict[str, Any] = {}

# More would not fit into the memory of a case anyway.
LONGEST = 1 << 28
NUMBERS = {"Fraction": "fractions", "Decimal": "decimal"}
DATES = {"date": 3, "datetime": 7, "time": 4, "timedelta": 3}


class Broken(Exception):
    """A message that no honest peer sends."""


class Home:
    """A place in the receiver's own table: what comes back as itself."""

    def __init__(self, number: int) -> None:
        self.number = number


class Packer:
    """Writes values. `classes` are those of `setup` by name, `home` the objects that the other side has already.

    An object that `home` holds is written as the number under which the other side knows it, and its present state
    goes along where it is not as it came (`spans`): what a function does to its arguments is seen by who called it.
    """

    def __init__(
        self,
        classes: dict[str, Any],
        export: Callable[[Any], int],
        own: Any,
        home: Iterable[Any] = (),
        spans: Sequence[bytes] = (),
    ) -> None:
        self.classes, self.export, self.own, self.spans = classes, export, own, spans
        self.numbers: dict[int, int] = {}
        self.queue: list[Any] = []
        for value in home:
            self.numbers[id(value)] = len(self.queue)
            self.queue.append(value)
        self.known = len(self.queue)

    def pack(self, root: Any) -> bytes:
        first = self.part(root)
        nodes = []
        place = 0
        while place < len(self.queue):  # it grows meanwhile
            node = self.node(self.queue[place])
            nodes.append(SAME if place < len(self.spans) and node == self.spans[place] else node)
            place += 1
        return b"%d;%d;" % (self.known, len(nodes)) + first + b"".join(nodes)

    def part(self, value: Any) -> bytes:
        if value is None:
            return b"N"
        if value is True:
            return b"T"
        if value is False:
            return b"F"
        if type(value) is not int and hasattr(type(value), "__members__"):
            return self.reference(value)
        if isinstance(value, int):
            return b"i" + int.__format__(value, "x").encode() + b";"
        if isinstance(value, float):
            return b"f" + float.hex(value).encode() + b";"
        if isinstance(value, str):
            data = str.encode(value, "utf-8", "surrogatepass")
            return b"s%d;" % len(data) + data
        if isinstance(value, bytes):
            return b"b%d;" % len(value) + bytes(value)
        if isinstance(value, complex):
            return b"c" + f"{float.hex(value.real)},{float.hex(value.imag)};".encode()
        return self.reference(value)

    def reference(self, value: Any) -> bytes:
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.queue)
            self.queue.append(value)
        return b"r%d;" % number

    def parts(self, kind: bytes, values: list[Any]) -> bytes:
        return kind + b"%d;" % len(values) + b"".join([self.part(value) for value in values])

    def node(self, value: Any) -> bytes:
        cls: Any = type(value)
        name: str = cls.__name__
        if isinstance(value, tuple) and hasattr(cls, "_fields"):
            return self.parts(b"M", [name, len(value), *cls._fields, *tuple.__iter__(value)])
        if cls.__module__ == "collections" and name in ("Counter", "OrderedDict", "defaultdict"):
            factory = self.common_name(getattr(value, "default_factory", None))
            return self.parts(b"C", [name, factory, *[part for pair in dict.items(value) for part in pair]])
        for kind, tag in TAGS:
            if isinstance(value, kind):
                # The kind's own way, whatever a class of the answer's makes of it.
                return self.parts(tag, [item for item in kind.__iter__(value)])  # noqa: C416
        if isinstance(value, dict):
            return self.parts(b"D", [part for pair in dict.items(value) for part in pair])
        for view, (kind, tag) in VIEWS.items():
            if isinstance(value, kind):
                pairs = {"items": value, "values": enumerate(value)}.get(view) or zip(value, value, strict=True)
                return self.parts(tag, [part for pair in pairs for part in pair])
        if isinstance(value, bytearray):
            return self.parts(b"B", [bytes(value)])
        if isinstance(value, range):
            return self.parts(b"G", [value.start, value.stop, value.step])
        if type(value) is self.own:
            return self.parts(b"H", [value._number])
        if common := self.common_name(value):
            return self.parts(b"K", [common])
        if cls.__module__ in ("answer", "tests") and name in self.classes:
            if hasattr(cls, "__members__"):
                return self.parts(b"E", [name, value.name])
            return self.parts(b"O", [name, *[part for pair in attributes(value).items() for part in pair]])
        if cls.__module__ == NUMBERS.get(name):
            return self.parts(b"X", [name, str(value)])
        if cls.__module__ == "datetime" and name in DATES and getattr(value, "tzinfo", None) is None:
            return self.parts(b"Y", [name, *[getattr(value, field) for field in FIELDS[name]]])
        return self.parts(b"R", [self.export(value), name, callable(value)])

    def common_name(self, value: Any) -> str | None:
        """The name of a class that both sides have: a builtin one, or one of `setup`."""
        name: str | None = getattr(value, "__name__", None) if isinstance(value, type) else None
        return name if name is not None and value in (PLAIN.get(name), self.classes.get(name)) else None


FIELDS = {
    "date": ("year", "month", "day"),
    "datetime": ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    "time": ("hour", "minute", "second", "microsecond"),
    "timedelta": ("days", "seconds", "microseconds"),
}
DEQUE: Any = type(__import__("_collections").deque())
TAGS: tuple[tuple[Any, bytes], ...] = (
    (list, b"L"),
    (tuple, b"U"),
    (set, b"S"),
    (frozenset, b"Z"),
    (DEQUE, b"Q"),
)
VIEWS: dict[str, tuple[Any, bytes]] = {
    "keys": (type({}.keys()), b"k"),
    "items": (type({}.items()), b"m"),
    "values": (type({}.values()), b"v"),
}
SAME = b"=0;"


def builtin_class(name: Any) -> type:
    cls = PLAIN.get(name)
    if not isinstance(cls, type):
        raise Broken("a class")
    return cls


def attributes(value: Any) -> dict[str, Any]:
    """All that an object holds, also in slots."""
    found = dict(getattr(value, "__dict__", {}))
    if isinstance(value, BaseException):
        found["args"] = value.args
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return found


class Reader:
    """Builds what a message says. `sent` are the objects that its first nodes are the new state of."""

    def __init__(
        self, data: bytes, classes: dict[str, Any], remote: Callable[[int, str, bool], Any], own: Callable[[int], Any]
    ) -> None:
        self.data, self.place = data, 0
        self.classes, self.remote, self.own = classes, remote, own
        self.spans: list[bytes] = []
        self.behind: dict[int, dict[Any, Any]] = {}  # the dicts that views look at

    def read(self, sent: list[Any]) -> tuple[Any, list[Any]]:
        """The root, and all nodes by their numbers. Broken: it is no message."""
        try:
            known, count = self.number(), self.number()
            if known > len(sent) or not known <= count <= LONGEST:
                raise Broken("counts")
            root = self.part()
            nodes = [self.node() for _ in range(count)]
            # What was sent comes back as itself; what it is now is filled in below.
            made = sent[:known] + [self.shell(*nodes[number], number) for number in range(known, count)]
            self.fix(nodes, made)
            self.fill(nodes, made, known)
            return self.value(root, made), made
        except (LookupError, ValueError, TypeError, OverflowError, AttributeError, ArithmeticError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from None

    def until(self, mark: bytes) -> bytes:
        end = self.data.index(mark, self.place)
        found = self.data[self.place : end]
        self.place = end + 1
        return found

    def number(self) -> int:
        text = self.until(b";")
        if not text.isdigit() or len(text) > 10:
            raise Broken("a number")
        return int(text)

    def take(self) -> bytes:
        size = self.number()
        found = self.data[self.place : self.place + size]
        if len(found) != size:
            raise Broken("a text that is cut off")
        self.place += size
        return found

    def part(self) -> Any:
        tag = self.data[self.place : self.place + 1]
        self.place += 1
        if tag == b"N":
            return None
        if tag == b"T":
            return True
        if tag == b"F":
            return False
        if tag == b"i":
            return int(self.until(b";"), 16)
        if tag == b"f":
            return float.fromhex(self.until(b";").decode())
        if tag == b"s":
            return self.take().decode("utf-8", "surrogatepass")
        if tag == b"b":
            return self.take()
        if tag == b"c":
            real, _, imag = self.until(b";").decode().partition(",")
            return complex(float.fromhex(real), float.fromhex(imag))
        if tag == b"r":
            return Home(self.number())
        raise Broken("a part")

    def node(self) -> tuple[bytes, list[Any]]:
        start = self.place
        tag = self.data[start : start + 1]
        self.place += 1
        parts = [self.part() for _ in range(self.number())]
        self.spans.append(self.data[start : self.place])
        return tag, parts

    def value(self, part: Any, made: list[Any]) -> Any:
        return made[part.number] if isinstance(part, Home) else part

    def shell(self, tag: bytes, parts: list[Any], number: int) -> Any:
        """The value of a node as far as it can be made without the others."""
        if tag == b"L":
            return []
        if tag == b"S":
            return set()
        if tag == b"D":
            return {}
        if tag == b"Q":
            return DEQUE()
        if tag == b"C" and parts[0] in ("Counter", "OrderedDict", "defaultdict"):
            made = getattr(__import__("collections"), parts[0])()
            if parts[0] == "defaultdict" and parts[1] is not None:
                made.default_factory = builtin_class(parts[1])
            return made
        for view, (_, mark) in VIEWS.items():
            if tag == mark:
                self.behind[number] = {}
                return getattr(self.behind[number], view)()
        if tag == b"K":
            return self.classes[parts[0]] if parts[0] in self.classes else builtin_class(parts[0])
        if tag == b"E":
            return self.classes[parts[0]].__members__[parts[1]]
        if tag == b"B":
            return bytearray(parts[0])
        if tag == b"G":
            return range(*parts)
        if tag == b"O":
            cls = self.classes[parts[0]]
            if type(cls) is not type:
                raise Broken("a class")
            return cls.__new__(cls) if issubclass(cls, BaseException) else object.__new__(cls)
        if tag == b"X":
            module = __import__(NUMBERS[parts[0]])
            return getattr(module, parts[0])(parts[1])
        if tag == b"Y" and parts[0] in DATES:
            return getattr(__import__("datetime"), parts[0])(*parts[1:])
        if tag == b"R":
            return self.remote(int(parts[0]), str(parts[1]), bool(parts[2]))
        if tag == b"H":
            return self.own(int(parts[0]))
        if tag in (b"U", b"Z", b"M"):
            return UNMADE
        raise Broken("a node")

    def fix(self, nodes: list[tuple[bytes, list[Any]]], made: list[Any]) -> None:
        """Make the tuples and frozen sets, each after those that it holds."""
        for start in range(len(nodes)):
            waiting, under_way = [start], set()
            while waiting:
                number = waiting[-1]
                if made[number] is not UNMADE:
                    waiting.pop()
                    continue
                tag, parts = nodes[number]
                missing = [p.number for p in parts if isinstance(p, Home) and made[p.number] is UNMADE]
                if not missing:
                    values = [self.value(part, made) for part in parts]
                    made[number] = self.fixed(tag, values)
                    waiting.pop()
                elif number in under_way:
                    raise Broken("a tuple that holds itself")
                else:
                    under_way.add(number)
                    waiting += missing

    def fixed(self, tag: bytes, values: list[Any]) -> Any:
        if tag == b"U":
            return tuple(values)
        if tag == b"Z":
            return frozenset(values)
        name, count = values[0], values[1]
        fields = tuple(values[2 : 2 + count])
        cls: Any = self.classes.get(name)
        if getattr(cls, "_fields", None) != fields:
            cls = __import__("collections").namedtuple(name, fields)
        return tuple.__new__(cls, values[2 + count :])

    def fill(self, nodes: list[tuple[bytes, list[Any]]], made: list[Any], known: int) -> None:
        """Put into lists, objects, then sets and dicts what they hold: what is hashed is whole by then."""
        late = []
        for number, (tag, parts) in enumerate(nodes):
            value = made[number]
            if tag in (b"L", b"Q"):
                values = [self.value(part, made) for part in parts]
                if tag == b"L" and isinstance(value, list):
                    value[:] = values
                elif isinstance(value, DEQUE):
                    value.clear()
                    value.extend(values)
            elif tag == b"B" and number < known and isinstance(value, bytearray):
                value[:] = parts[0]
            elif tag == b"O" and type(value) is self.classes.get(parts[0]):
                values = [self.value(part, made) for part in parts[1:]]
                for name in attributes(value).keys() - {"args"}:
                    object.__delattr__(value, name)
                for name, held in zip(values[::2], values[1::2], strict=True):
                    if callable(getattr(type(value), name, None)):
                        raise Broken("an attribute in place of a method")
                    object.__setattr__(value, name, held)
            elif tag in (b"S", b"D", b"C") or number in self.behind:
                late.append((self.behind.get(number, value), tag, parts[2:] if tag == b"C" else parts))
        for value, tag, parts in late:
            values = [self.value(part, made) for part in parts]
            if tag == b"S" and isinstance(value, set):
                value.clear()
                value.update(values)
            elif tag != b"S" and isinstance(value, dict):
                value.clear()
                for key, held in zip(values[::2], values[1::2], strict=True):
                    value[key] = held


UNMADE: Any = object()
