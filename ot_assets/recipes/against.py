"""What questions are compared with: benchmarks, one by one or by groups, and the questions of earlier datasets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ot_assets.contracts import STAGES
from ot_assets.recipes.model import Choice, Reused
from ot_assets.recipes.sources import SourceSpec, groups, read_benchmark
from ot_assets.strategies import registry

OPENTHOUGHTS3 = "openthoughts3"
_WHERE = f"groups.yaml: {OPENTHOUGHTS3}"


def read_benchmarks(item: Any, base: Path, where: str) -> Iterator[SourceSpec]:
    """The benchmarks that one entry of `against` names: a group's members, or the one that it is."""
    for name in groups().get(item, [item]) if isinstance(item, str) else [item]:
        yield read_benchmark(name, base, where)


@cache
def openthoughts3_sets() -> tuple[SourceSpec, ...]:
    """The twelve sets that OpenThoughts3 was cleaned against."""
    return tuple(read_benchmarks(OPENTHOUGHTS3, Path(), _WHERE))


@cache
def openthoughts3_rule() -> Choice:
    """The decontamination of OpenThoughts3: an Indel ratio of 75 or a shared 13-gram, against its twelve sets.

    Every finished dataset is looked at by it once more, whatever its own rule was.
    """
    strategy = registry.find("decontaminate", "indel_or_ngram", _WHERE)
    params = strategy.check({"threshold": 75, "ngram": 13, "against": OPENTHOUGHTS3}, _WHERE)
    del params["against"]
    tables: dict[str, tuple[SourceSpec | Reused, ...]] = {"against": openthoughts3_sets()}
    return Choice("decontaminate", strategy.name, STAGES["decontaminate"].asset, params, _WHERE, tables)
