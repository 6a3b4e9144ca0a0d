"""A recipe as YAML text, as a person would write it."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml

_WIDTH = 118
# Texts for people, whose white space is of no account.
_PROSE = ("description", "note")


def as_text(body: dict[str, Any], comment: str) -> str:
    """A line a choice where it fits, its reason below it, and the comment on top."""
    lines = [f"# {comment}"]
    for key in ("name", "description", *(key for key in body if key not in ("name", "description"))):
        if key != "tracks":
            lines += _lines(key, body[key])
            continue
        lines.append("tracks:")
        for track, items in body["tracks"].items():
            lines.append(f"  {track}:")
            for item in items:
                told = [line for name, value in item.items() for line in _lines(name, value, _WIDTH - 6)]
                lines += [("    - " if place == 0 else "      ") + line for place, line in enumerate(told)]
    return "\n".join(lines) + "\n"


def _lines(key: str, value: Any, width: int = _WIDTH) -> list[str]:
    """`key: value`, in lines of at most so many characters where that can be."""
    value = value.strip() if key in _PROSE and isinstance(value, str) else value
    line = f"{key}: {_flow(value)}"
    if len(line) <= width:
        return [line]
    if isinstance(value, dict):
        return [f"{key}:", *(f"  {inner}" for name in value for inner in _lines(name, value[name], width - 2))]
    if isinstance(value, list):
        return [f"{key}:", *(f"  - {_flow(inner)}" for inner in value)]
    if key in _PROSE and "\n" not in value:
        return [f"{key}: >-", *(f"  {line}" for line in textwrap.wrap(value, width - 2, break_on_hyphens=False))]
    return [line]


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=True, width=2**31)
    return text.removesuffix("\n").removesuffix("\n...").rstrip()
