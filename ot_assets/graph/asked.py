"""What the rows of a table cost: every model call behind it, whoever paid for it."""

from __future__ import annotations

from typing import Any

from ot_assets.recipes.plan import Key
from ot_resources.store import Version

Inputs = list[tuple[Key, Version]]


def asked_upstream(inputs: Inputs, own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls behind all inputs, each table's once, and a table's own."""
    found = {(one["key"], one["role"], one["model"]): one for _, v in inputs for one in v.record.get("asked", [])}
    found |= {(one["key"], one["role"], one["model"]): one for one in own}
    return list(found.values())


def spent(inputs: Inputs) -> float | None:
    """The money behind the inputs; None where it is not known of every answer, or a record has no account of it."""
    if any("asked" not in version.record for _, version in inputs):
        return None
    money = [one["money"] for one in asked_upstream(inputs, [])]
    return None if None in money else float(sum(money))
