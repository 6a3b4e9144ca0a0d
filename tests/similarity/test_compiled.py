from __future__ import annotations

import ast

import pytest

from tests.conftest import PROJECT

MODULES = sorted(
    path
    for path in (PROJECT / "ot_assets/similarity").glob("*.py")
    if "\n@compiled\n" in path.read_text(encoding="utf-8")
)


def test_there_are_some():
    assert len(MODULES) >= 2


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_what_is_compiled_depends_on_no_other_file(path):
    """Code that numba keeps on disk is renewed when its own file changes, not when another one does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ours = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module.startswith("ot_assets")]
    assert {alias.name for node in ours for alias in node.names} == {"compiled"}
