"""What `ot gc` may remove: never what a name or a recorded dataset was made from, never what is young."""

from __future__ import annotations

import os
import time

import polars as pl
import pytest

from ot_resources.gc import remove, survey
from ot_resources.store import Store, run_lines
from tests.graph.running import make
from tests.recipes.small import math, recipe, write_recipe
from tests.resources.writing import write


@pytest.fixture
def store(data_root) -> Store:
    return Store(root=str(data_root))


def run(tmp_path, name: str, seed: int, upto: str | None = None) -> None:
    body = recipe()
    at = next(i for i, stage in enumerate(math(body)) if "dedup" in stage) + 1
    math(body).insert(at, {"sample": {"use": "uniform", "n": 5, "seed": seed}})
    (tmp_path / name).mkdir()
    make(write_recipe(tmp_path / name, body), upto=upto, run_id=name)


def ids(findings, kept: bool) -> set[tuple[str, str]]:
    return {(finding.kind, finding.version) for finding in findings if finding.kept == kept}


def test_what_no_dataset_was_made_from_goes_and_every_dataset_still_reads(tmp_path, store):
    run(tmp_path, "one", seed=1)
    run(tmp_path, "two", seed=2)
    tried = []
    for seed in (3, 4):
        run(tmp_path, f"try{seed}", seed, upto="small/math/sampled")
        version = store.latest(("small", "math", "sampled"))
        tried.append((version.kind, version.version))
    run(tmp_path, "three", seed=1)
    findings = survey(store, min_age=0)
    assert ids(findings, kept=False) == set(tried)
    remove(store, findings)
    assert all(not (store.path / "store" / kind / version).exists() for kind, version in tried)
    for line in run_lines(store.path):
        if line["stage"] == "dataset":
            version = store.read(line["kind"], line["version"])
            assert version.scan().collect().height == version.rows
            for input_ in line["inputs"]:
                below = store.read(input_["kind"], input_["version"])
                assert below.scan().collect().height == below.rows
    assert ids(survey(store, min_age=0), kept=False) == set()


def test_after_ten_changed_runs_every_recorded_dataset_still_reads(tmp_path, store):
    """Five ran to their end, five were given up half way; the name points at what the last of these made."""
    tried = set()
    for seed in range(10):
        upto = "small/math/sampled" if seed % 2 else None
        run(tmp_path, f"run{seed}", seed, upto=upto)
        version = store.latest(("small", "math", "sampled"))
        tried |= {(version.kind, version.version)} if upto else set()
    findings = survey(store, min_age=0)
    last = store.latest(("small", "math", "sampled"))
    assert ids(findings, kept=False) == tried - {(last.kind, last.version)}
    assert {finding.why for finding in findings if not finding.kept} == {"no name and no recorded dataset needs it"}
    remove(store, findings)
    datasets = [line for line in run_lines(store.path) if line["stage"] == "dataset"]
    assert len({line["run_id"] for line in datasets}) == 5
    for line in datasets:
        for kind, version in [(line["kind"], line["version"]), *((i["kind"], i["version"]) for i in line["inputs"])]:
            assert store.read(kind, version).scan().collect().height == store.read(kind, version).rows


def test_what_a_run_looks_up_meanwhile_stays(tmp_path, store):
    run(tmp_path, "one", seed=1, upto="small/math/sampled")
    first = store.latest(("small", "math", "sampled"))
    run(tmp_path, "two", seed=2)
    findings = survey(store, min_age=0)
    assert (first.kind, first.version) in ids(findings, kept=False)
    run(tmp_path, "again", seed=1)
    remove(store, findings)
    assert store.latest(("small", "math", "sampled")).scan().collect().height == first.rows


def test_what_is_gone_is_made_again_and_not_looked_up(tmp_path, store):
    run(tmp_path, "one", seed=1, upto="small/math/sampled")
    first = store.latest(("small", "math", "sampled"))
    run(tmp_path, "two", seed=2)
    remove(store, survey(store, min_age=0))
    with pytest.raises(FileNotFoundError):
        store.read(first.kind, first.version)
    run(tmp_path, "again", seed=1)
    assert store.latest(("small", "math", "sampled")).version == first.version


def test_what_is_young_stays(tmp_path, store):
    run(tmp_path, "one", seed=1, upto="small/math/sampled")
    version = store.latest(("small", "math", "sampled"))
    run(tmp_path, "two", seed=2)
    assert ids(survey(store, min_age=3600), kept=False) == set()
    two_hours_ago = time.time() - 7200
    os.utime(version.path / "record.json", (two_hours_ago, two_hours_ago))
    assert ids(survey(store, min_age=3600), kept=False) == {(version.kind, version.version)}


def test_a_student_goes_with_the_last_table_that_names_it(store):
    named, orphan, unfinished = "0123456789abcdef", "fedcba9876543210", ".00112233445566aa"
    for name in (named, orphan, unfinished):
        (store.path / "students" / name / "checkpoints").mkdir(parents=True)
        (store.path / "students" / name / "checkpoints" / "weights").write_bytes(b"w")
    version = write(store, pl.DataFrame({"seed": [0], "student": [named]}), kind="student")
    store.note(version, {"inputs": []})
    store.point(("study", "variant", "student"), version)
    assert ids(survey(store, min_age=3600), kept=False) == set()
    findings = survey(store, min_age=0)
    assert ids(findings, kept=False) == {("students", orphan), ("students", unfinished)}
    remove(store, findings)
    assert [path.name for path in (store.path / "students").iterdir()] == [named]
