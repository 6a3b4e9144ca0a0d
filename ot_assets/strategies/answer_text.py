"""What an answer says in the end: its last `\\boxed{}` and its last fenced code block."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from typing import NamedTuple

_BOXED = re.compile(r"\\f?boxed\s*(?=\{)")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*$", re.MULTILINE)

# The largest bare text that is tried as a program; beyond it parsing costs more than it tells.
BARE_PROGRAM_CHARS = 200_000


class CodeBlock(NamedTuple):
    """A fenced block: what follows the fence in lower case ("" for none), and the lines inside."""

    language: str
    code: str


def last_boxed(text: str) -> str | None:
    r"""The content of the last complete `\boxed{...}`, braces nested to any depth; None when there is none.

    `\{` and `\}` are symbols, not braces. A box that is never closed is none; a box inside a box is part of it.
    """
    last, end = None, 0
    for match in _BOXED.finditer(text):
        if match.start() < end:
            continue
        closing = _closing_brace(text, match.end())
        if closing is not None:
            last, end = text[match.end() + 1 : closing], closing
    return last


def _closing_brace(text: str, opening: int) -> int | None:
    depth = 0
    position = opening
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return None


def last_code_block(text: str) -> CodeBlock | None:
    """The last block between fences of ``` or ~~~; one that is never closed runs to the end of the text.

    The rules are CommonMark's (https://spec.commonmark.org/0.31.2/#fenced-code-blocks), but any indent of the
    fence is allowed, as models fence inside lists. The published pipelines take the last block as well.
    """
    last: CodeBlock | None = None
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif _closes(fence, opening):
            last = _block(text, opening, fence.start())
            opening = None
    return last if opening is None else _block(text, opening, len(text))


def _closes(fence: re.Match[str], opening: re.Match[str]) -> bool:
    return not fence[2] and fence[1].startswith(opening[1])


def _block(text: str, opening: re.Match[str], end: int) -> CodeBlock:
    return CodeBlock(opening[2].lower(), textwrap.dedent(text[opening.end() + 1 : end]))


def is_program(text: str) -> bool:
    """Whether `text` is Python that does something: a bare name or number is none. It is parsed, never run."""
    if len(text) > BARE_PROGRAM_CHARS:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(not isinstance(s, ast.Expr) or isinstance(s.value, ast.Call) for s in statements)
