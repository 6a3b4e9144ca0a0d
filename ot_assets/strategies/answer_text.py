"""What an answer says in the end: its last `\\boxed{}` and its last fenced code block."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from typing import NamedTuple

# Both are linear in the length of any text: what they may repeat is never given back (`*+`).
_BRACE = re.compile(r"(\\f?boxed\s*+\{)|\\(?!\\f?boxed\s*+\{).|([{}])", re.DOTALL)
_FENCE = re.compile(r"^[ \t]*+(`{3,}+|~{3,}+)([^`\n]*+)$", re.MULTILINE)

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
    last: tuple[int, int] | None = None
    # Of every open brace where its box begins, or None.
    opened: list[int | None] = []
    for token in _BRACE.finditer(text):
        if token[1]:
            opened.append(token.end())
        elif token[2] == "{":
            opened.append(None)
        elif token[2] and opened:
            start = opened.pop()
            if start is not None:
                # A box closes after those inside it.
                last = start, token.start()
    return text[slice(*last)] if last else None


def last_code_block(text: str) -> CodeBlock | None:
    """The last block between fences of ``` or ~~~; one that is never closed runs to the end of the text.

    The rules are CommonMark's (https://spec.commonmark.org/0.31.2/#fenced-code-blocks), but any indent of the
    fence is allowed, as models fence inside lists. The published pipelines take the last block as well.
    """
    last: tuple[re.Match[str], int] | None = None
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif _closes(fence, opening):
            last = opening, fence.start()
            opening = None
    if opening is not None:
        last = opening, len(text)
    return _block(text, *last) if last else None


def _closes(fence: re.Match[str], opening: re.Match[str]) -> bool:
    return not _language(fence) and fence[1].startswith(opening[1])


def _block(text: str, opening: re.Match[str], end: int) -> CodeBlock:
    return CodeBlock(_language(opening).lower(), textwrap.dedent(text[opening.end() + 1 : end]))


def _language(fence: re.Match[str]) -> str:
    told = fence[2].lstrip(" \t")
    return "" if not told or told[0].isspace() else told.split(maxsplit=1)[0]


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
