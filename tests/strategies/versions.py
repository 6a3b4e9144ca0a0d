"""Holds every strategy's source against the version that it was written under.

`OT_UPDATE_GOLDEN=1 pytest tests/strategies/test_registry.py` writes the golden file anew, after the version of what
changed was raised (or by intent without it, for a change that alters no row).
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
import os
from pathlib import Path

from ot_assets.strategies.registry import Strategy, every

GOLDEN = Path(__file__).parents[1] / "golden" / "strategy_versions.json"
_PACKAGE = "ot_assets.strategies."
# how strategies are run, not what they do
_MACHINERY = {_PACKAGE + "registry", _PACKAGE + "running"}
# what stands behind a capability and decides what a strategy makes of it
_BEHIND = {"generator": ["ot_resources.generators.reasoning"], "sandbox": ["ot_resources.sandboxes.harness"]}


def check() -> None:
    """AssertionError naming every strategy whose source changed under the same version.

    A new one at version 1 is recorded with the next `OT_UPDATE_GOLDEN=1`: nobody has tables of it yet.
    """
    now = {entry.title: {"version": entry.version, "source": source_hash(entry)} for entry in every()}
    if os.environ.get("OT_UPDATE_GOLDEN") == "1":
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert not complaints(golden, now), "\n".join([*complaints(golden, now), "see tests/strategies/versions.py"])


def complaints(golden: dict[str, dict[str, object]], now: dict[str, dict[str, object]]) -> list[str]:
    """One line for each strategy where the golden file and the code disagree."""
    told = []
    for title in sorted({*golden, *now}):
        if title not in now:
            told.append(f"{title} is gone, but the golden file has it")
        elif title not in golden:
            if now[title]["version"] != 1:
                told.append(f"{title} is new: a new strategy has version 1")
        elif now[title]["version"] != golden[title]["version"]:
            told.append(f"{title} has version {now[title]['version']}: record it in the golden file")
        elif now[title]["source"] != golden[title]["source"]:
            told.append(f"{title} changed under version {now[title]['version']}: raise it in its @strategy")
    return told


def source_hash(entry: Strategy) -> str:
    """Hash of the strategy's module and of the helper modules that it imports, without docstrings and comments."""
    module = inspect.getmodule(entry.function)
    assert module is not None
    behind = [name for kind in sorted(set(entry.capabilities.values())) for name in _BEHIND.get(kind, [])]
    names = [*closure(module.__name__), *behind]
    texts = [normalised(Path(importlib.util.find_spec(name).origin).read_text()) for name in names]  # type: ignore
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def closure(name: str) -> list[str]:
    """The module `name` and every module of the strategies' package that it uses, directly or not, sorted.

    Used is what it imports, and a file below its folder that it names as text ("math_worker.py"), which it may start.
    """
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen and current not in _MACHINERY:
            seen.add(current)
            waiting += used(current)
    return sorted(seen)


def used(name: str) -> list[str]:
    """The modules of the strategies' package that one module imports or names."""
    folder = name.rpartition(".")[0]
    found = []
    for node in ast.walk(ast.parse(Path(importlib.util.find_spec(name).origin).read_text())):  # type: ignore
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
            found += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and str(node.value).endswith(".py"):
            found.append(f"{folder}.{str(node.value)[:-3].replace('/', '.')}")
    return [module for module in found if _is_module(module)]


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def normalised(source: str) -> str:
    """The source as Python would write it, without docstrings; the version is compared on its own."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "strategy":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "version"]
    return ast.unparse(tree)
