"""The HTML of a post as text that a model can read: code fenced, formulas as they were typed, lists as lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

_BLOCKS = frozenset(
    "address article aside blockquote center details dd div dl dt figure footer h1 h2 h3 h4 h5 h6 header hr ol p "
    "section summary table ul".split()
)
_LISTS = ("ul", "ol")
_SPACED = frozenset("dl ol table tbody tfoot thead tr ul".split())
_LONGEST = 1 << 20
_DEEPEST = 1_000
_LONGEST_ODD = 50_000
_VOID = ("br", "hr", "img")
_PLAIN = _BLOCKS | frozenset(
    "a abbr b big br code col colgroup del dfn em i img ins kbd li pre q s samp small span strike strong sub sup tbody "
    "td tfoot th thead tr tt u var".split()
)
# A tag or a comment of which no parser can think otherwise, or else (`odd`) the start of one.
_TAG = re.compile(
    r"""<(?:(?P<opened>[a-z][a-z0-9]*+)(?:\s++[a-z][a-z-]*+="[^"<>]*+"){0,20}+\s*+/?>"""
    r"""|/(?P<closed>[a-z][a-z0-9]*+)>|!--[^<>]*+(?<=--)>|(?P<odd>[a-zA-Z/!?]))"""
)
_ANY_TAG = re.compile(r"<[/!?]?([a-zA-Z]*+)(?<=[a-zA-Z/!?])[^<>]*+>")
_ON_LINES = _BLOCKS | {"br", "li", "pre", "tr"}
_ENTITY = re.compile(r"&#?[0-9A-Za-z]{1,31};")
_EMPTY_LINES = re.compile(r"\n{3,}")
_LONELY_MARK = re.compile(r"^(-|\d+\.)\n+(?=.)", re.MULTILINE)


def to_text(html: str) -> str:
    """The text of an HTML fragment; '' for none.

    `<pre>` becomes a fenced block, character for character; `<code>` is put in backticks; 2<sup>n</sup> is 2^n and
    x<sub>ij</sub> is x_(ij), where plain text would say 2n and xij; a picture is [image]. Lines stay lines (a formula
    may be set in several), other white space is collapsed. Deep nesting costs no stack.

    The parser takes quadratic time for some HTML, so what may be such is not parsed: more than 1 MB, tags open in
    more than 1,000 levels, or, in more than 50,000 characters, a tag that is not plainly written (unknown, closed out
    of turn, with unquoted attributes or more than 20). Its text is the HTML without tags, blocks on lines of their own.
    """
    if not _is_safe(html):
        return _stripped(html)
    from selectolax.lexbor import LexborHTMLParser

    text = _Text()
    body = LexborHTMLParser(html).body
    node = body.first_child if body else None
    while node is not None:
        child = node.first_child if text.enter(node) else None
        node = child or _after(node, text)
    return text.whole()


def _is_safe(html: str) -> bool:
    """Whether it is parsed in about linear time. One pass: from the first odd tag on, each tag counts as left open."""
    if len(html) > _LONGEST:
        return False
    if len(html) <= _LONGEST_ODD and html.count("<") <= _DEEPEST:
        return True
    opened: list[str] = []
    for tag in _TAG.finditer(html):
        name, closed = tag["opened"], tag["closed"]
        if tag["odd"] or (name and name not in _PLAIN) or (closed and (not opened or opened.pop() != closed)):
            return len(html) <= _LONGEST_ODD and len(opened) + html.count("<", tag.start()) < _DEEPEST
        if name and name not in _VOID:
            opened.append(name)
            if len(opened) > _DEEPEST:
                return False
    return True


def _stripped(html: str) -> str:
    text = _ANY_TAG.sub(lambda tag: "\n" if tag[1].lower() in _ON_LINES else "", html)
    text = _ENTITY.sub(lambda entity: unescape(entity[0]), text)
    return _EMPTY_LINES.sub("\n\n", text).strip()


def _after(node: Any, text: _Text) -> Any:
    """The node that comes next when this one is done; the elements that end before it are left. None at the end."""
    text.leave(node.tag)
    while node.next is None:
        node = node.parent
        if node is None or node.tag == "body":
            return None
        text.leave(node.tag)
    return node.next


class _Text:
    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._prose: list[str] = []
        self._numbers: list[int | None] = []

    def enter(self, node: Any) -> bool:
        """Write what stands before the node's children; False when they are not to be visited."""
        tag = node.tag
        if tag == "-text":
            self._write(node)
        elif tag == "pre":
            self._fence(node.text())
            return False
        elif tag in _LEAVES:
            self._prose.append(_LEAVES[tag](node.text()))
            return False
        elif tag in _BLOCKS:
            self._prose.append("\n\n")
            if tag in _LISTS:
                self._numbers.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._prose.append(self._mark())
        elif tag == "tr":
            self._prose.append("\n")
        elif tag in ("td", "th"):
            self._prose.append(" | ")
        return True

    def leave(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._prose.append("\n\n")
        if tag in _LISTS and self._numbers:
            self._numbers.pop()

    def whole(self) -> str:
        self._flush()
        return "\n\n".join(self._blocks)

    def _write(self, node: Any) -> None:
        text = node.text_content or ""
        if text.isspace() and node.parent.tag in _SPACED:
            return
        self._prose.append(text)

    def _mark(self) -> str:
        if not self._numbers or self._numbers[-1] is None:
            return "\n- "
        self._numbers[-1] += 1
        return f"\n{self._numbers[-1] - 1}. "

    def _fence(self, code: str) -> None:
        self._flush()
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", code)), default=0))
        self._blocks.append(f"{fence}\n{code.strip(chr(10))}\n{fence}")

    def _flush(self) -> None:
        lines = (" ".join(line.split()) for line in "".join(self._prose).split("\n"))
        prose = _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()
        self._prose = []
        if prose:
            self._blocks.append(_LONELY_MARK.sub(r"\1 ", prose))


def _raised(sign: str) -> Callable[[str], str]:
    def write(text: str) -> str:
        text = text.strip()
        return text and sign + (text if len(text) == 1 else f"({text})")

    return write


def _nothing(text: str) -> str:
    return ""


_LEAVES: dict[str, Callable[[str], str]] = {
    "code": lambda text: f"`{text}`",
    "sup": _raised("^"),
    "sub": _raised("_"),
    "img": lambda text: "[image]",
    "br": lambda text: "\n",
    "script": _nothing,
    "style": _nothing,
}
