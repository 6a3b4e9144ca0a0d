"""Why a variant of a study has no scores: what its last run said, kept until the table is made.

failures/<study>/<variant>/<asset>.json    {"message", "check", "inputs", "code_version", "run_id"}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ot_assets.recipes.plan import Node
from ot_resources.store import Store
from ot_resources.unfinished import write_whole


def note(store: Store, node: Node, message: str, check: str | None, run_id: str) -> None:
    """Keep why the table could not be made of what it hangs on now."""
    file = _file(store, node)
    file.parent.mkdir(parents=True, exist_ok=True)
    told = _hangs_on(store, node) | {"message": message, "check": check, "run_id": run_id}
    write_whole(file, json.dumps(told, ensure_ascii=False))


def clear(store: Store, node: Node) -> None:
    """The table is there."""
    _file(store, node).unlink(missing_ok=True)


def last(store: Store, node: Node) -> dict[str, Any] | None:
    """Why the table could not be made, unless its choice or what it reads is another by now."""
    try:
        told: dict[str, Any] = json.loads(_file(store, node).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    now = _hangs_on(store, node)
    return told if all(told.get(name) == value for name, value in now.items()) else None


def _hangs_on(store: Store, node: Node) -> dict[str, Any]:
    versions = {key: store.latest(key) for key in node.upstream}
    return {
        "code_version": node.code_version,
        "inputs": {"/".join(key): version.version if version else None for key, version in versions.items()},
    }


def _file(store: Store, node: Node) -> Path:
    return store.path.joinpath("failures", *node.key).with_suffix(".json")
