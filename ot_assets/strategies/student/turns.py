"""Conversations as they are released, as messages of a chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import polars as pl

from ot_resources.interfaces import BadInput, Message

Role = Literal["system", "user", "assistant"]
_ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
_READ_ROWS = 1024

Conversations = Callable[[], Iterator[tuple[Message, ...]]]


def messages(rows: pl.LazyFrame) -> Conversations:
    """The conversations in the order of the rows, each time they are asked for; a few are held at a time.

    Columns in: conversations, and system where the format puts it in a column of its own. BadInput: a turn of an
    unknown role, or a conversation that does not end with the assistant.
    """
    wanted = [name for name in ("system", "conversations") if name in rows.collect_schema()]

    def read() -> Iterator[tuple[Message, ...]]:
        batches = rows.select(wanted).collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True)
        for batch in batches:
            for row in batch.iter_rows(named=True):
                yield _conversation(row.get("system"), row["conversations"])

    return read


def _conversation(system: str | None, turns: list[dict[str, str]]) -> tuple[Message, ...]:
    found = [Message("system", system)] if system else []
    for turn in turns:
        role = _ROLES.get(turn["from"])
        if role is None:
            raise BadInput(f"student: a turn from '{turn['from']}'; there is: {', '.join(_ROLES)}")
        found.append(Message(role, turn["value"]))
    if not found or found[-1].role != "assistant":
        raise BadInput("student: a conversation that does not end with the assistant teaches nothing")
    return tuple(found)
