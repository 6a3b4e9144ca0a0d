"""The stand-ins of LiveCodeBench's windows: what the script makes, solvable, and nowhere among what is learned."""

import json
from pathlib import Path

import polars as pl

from data.generator.make_samples import FOLDER as SAMPLES
from data.generator.make_windows import FILES, FOLDER, write
from data.generator.problem import is_held_out
from ot_assets.recipes.sources import read_benchmark
from ot_assets.strategies.scores.overlap import normalised
from ot_assets.strategies.verify.code_tests import read_tests


def test_the_script_makes_the_committed_files(tmp_path):
    write(tmp_path)
    for name in FILES:
        assert (tmp_path / f"{name}.jsonl").read_bytes() == (FOLDER / f"{name}.jsonl").read_bytes()


def test_the_catalogue_reads_a_window_a_file():
    for id_, name in (("lcb_2305_2405", "test2"), ("lcb_2406_2501", "test3")):
        spec = read_benchmark(id_, Path(), "test")
        assert [file.name for file in FOLDER.glob(spec.repository_files)] == [f"{name}.jsonl"]
        assert spec.read_as(stand_in=True).tests == "ot_tests" and spec.read_as(stand_in=False).tests is None


def test_every_task_is_held_out_has_tests_and_is_in_no_source():
    rows = [json.loads(line) for name in FILES for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    asked = {normalised(row["question_content"]) for row in rows}
    assert len(asked) == len(rows) == sum(n for n, _ in FILES.values())
    for row in rows:
        assert is_held_out(row["question_content"]) and read_tests(row["ot_tests"]).outputs is not None
    for table in SAMPLES.rglob("*.parquet"):
        frame = pl.read_parquet(table)
        texts = [text for column in frame.select(pl.col(pl.String)) for text in column if text]
        assert not asked & {normalised(text) for text in texts}, table
