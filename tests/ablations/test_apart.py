"""What chooses is not held out, by whatever name or file it comes."""

from __future__ import annotations

import polars as pl
import pytest

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.plan import plan_study
from ot_assets.graph.checking import StageFailed
from ot_assets.graph.execute import execute
from tests.ablations.small import study, write_study
from tests.graph.running import tools

pytestmark = pytest.mark.usefixtures("data_root", "teacher")


def test_a_copy_of_what_chooses_is_not_held_out(tmp_path):
    body = study()
    (chooses,) = body["benchmarks"]["dev"]
    body["benchmarks"]["held_out"] = [chooses | {"path": "copy.csv", "id": "copy"}]
    file = write_study(tmp_path, body)
    pl.read_parquet(tmp_path / chooses["path"]).reverse().write_csv(tmp_path / "copy.csv")
    plan = plan_study(load_study(file))
    variant, *_ = plan.variants
    *before, cell = [node for node in plan.nodes(variant) if node.stage not in ("student", "scores")]
    for node in before:
        execute(node, tools())
    with pytest.raises(StageFailed, match=r"held_out_apart failed: question \S+ of asked chooses, and copy holds it"):
        execute(cell, tools())
