"""OpenThoughts3 in miniature, end to end, with the embedded teacher: made once, looked at by every test here."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import ot_assets.recipes
from ot_resources.generators.embedded import BATCH
from ot_resources.generators.ledger import Ledger
from ot_resources.hub import SAMPLES
from ot_resources.store import Store, run_lines
from ot_resources.warehouse import Warehouse
from tests.cli.running import COMMAND, environment, ot
from tests.conftest import PROJECT

NAME = "openthoughts3_1_2m"
RECIPE = Path(ot_assets.recipes.__file__).parent / f"{NAME}.yaml"
SOURCES = {
    "openmath_2_math": "ai2-adapt-dev/openmath-2-math",
    "opencodereasoning": "nvidia/OpenCodeReasoning",
    "stackexchange_codegolf": "mlfoundations-dev/stackexchange_codegolf",
    "stackexchange_physics": "mlfoundations-dev/stackexchange_physics",
    "scp_116k": "EricLu/SCP-116K",
}
TRACKS = {"math": 1632, "code": 480, "science": 192}


@dataclass(frozen=True)
class Run:
    """A finished run's data root, and a copy of the root as it was before the first answer."""

    root: Path
    before_answers: Path

    @property
    def store(self) -> Store:
        return Store(root=str(self.root))

    def rows(self, asset: str, dropped: bool = False) -> pl.DataFrame:
        version = self.store.latest(tuple(asset.split("/")))
        assert version is not None, asset
        return (version.dropped() if dropped else version.scan()).collect()

    def stage(self, track: str, asset: str, dropped: bool = False) -> pl.DataFrame:
        return self.rows(f"{NAME}/{track}/{asset}", dropped)

    def sql(self, query: str) -> list[dict[str, Any]]:
        return sql(self.root, query)


def sql(root: Path, query: str) -> list[dict[str, Any]]:
    answer = ot(root, "sql", query, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def dataset_version(root: Path) -> str:
    version = Store(root=str(root)).latest((NAME, "dataset"))
    assert version is not None
    return version.version


@pytest.fixture(scope="session")
def made(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("openthoughts3")
    root, before = folder / "data", folder / "before"
    for arguments in (["--upto", "sampled"], []):
        run = ot(root, "materialize", NAME, *arguments)
        assert run.returncode == 0, run.stderr
        if arguments:
            shutil.copytree(root, before, symlinks=True)
    return Run(root, before)


@pytest.fixture(scope="session")
def planted(made: Run) -> dict[str, list[tuple[str, str]]]:
    """(source, question_id) of what the manifest says was planted, by kind. Empty questions get no id here.

    A source keeps the order of its file and loses nothing but its empty questions, which the manifest lists.
    """
    manifest = json.loads((SAMPLES / "manifest.json").read_text())
    empty = {(entry["dataset"], entry["row"]) for entry in manifest if entry["kind"] == "empty_question"}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for source, dataset in SOURCES.items():
        ids = made.rows(f"sources/{source}")["question_id"].to_list()
        (file,) = (SAMPLES / dataset.replace("/", "__")).glob("*.parquet")
        height = pl.read_parquet(file).height
        left = [row for row in range(height) if (dataset, row) not in empty]
        assert len(left) == len(ids)
        by_row = dict(zip(left, ids, strict=True))
        for entry in manifest:
            if entry["dataset"] == dataset and entry["row"] in by_row:
                found[entry["kind"]].append((source, by_row[entry["row"]]))
    return found


def test_the_dataset_has_its_published_proportions(made):
    counts = made.sql(f"select domain, count(*) n from {NAME}.dataset group by 1")
    assert {row["domain"]: row["n"] for row in counts} == TRACKS
    (row,) = made.sql(f"from {NAME}.dataset limit 1")
    assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"]
    assert row["conversations"][1]["value"].startswith("<think>")


def test_the_choices_are_those_of_the_yaml(made):
    written = yaml.safe_load(RECIPE.read_text())
    expected = set()
    for track, items in written["tracks"].items():
        expected.add((track, "format", written["format"]))
        for item in items:
            ((stage, body),) = ((key, value) for key, value in item.items() if key != "because")
            expected |= {(track, stage, name) for name in (body if stage == "sources" else [body["use"]])}
    query = f"select distinct track, stage, strategy from lineage.choices where recipe = '{NAME}'"
    assert {tuple(row.values()) for row in made.sql(query)} == expected


def test_a_second_run_asks_nothing_and_changes_nothing(made):
    version = dataset_version(made.root)
    run = ot(made.root, "materialize", NAME)
    assert run.returncode == 0, run.stderr
    assert dataset_version(made.root) == version
    lines = [line for line in run.stderr.splitlines() if " rows" in line]
    assert len(lines) > 40
    assert all(line.endswith(", reused") for line in lines)
    (counted,) = made.sql("select count(*) n, count(distinct response_id) d from ledger.responses")
    assert counted["n"] == counted["d"]


def test_the_ledger_adds_up(made):
    rows = json.loads(ot(made.root, "ledger", "--json").stdout)
    answers = {row["asset"].split("/")[1]: row for row in rows if row["asset"].endswith("/answers")}
    assert {track: row["requested"] for track, row in answers.items()} == {"math": 1728, "code": 512, "science": 208}
    for row in rows:
        assert row["requested"] == row["reused"] + row["answered"] + row["failed"], row


def test_empty_questions_go_at_the_source(made):
    manifest = json.loads((SAMPLES / "manifest.json").read_text())
    for source, dataset in SOURCES.items():
        expected = sum(entry["dataset"] == dataset and entry["kind"] == "empty_question" for entry in manifest)
        dropped = made.rows(f"sources/{source}", dropped=True)
        assert dropped["drop_reason"].to_list() == ["empty_question"] * expected
        assert expected > 0


@pytest.mark.parametrize("track", TRACKS)
def test_every_leak_and_nothing_else_is_found_by_decontamination(made, planted, track):
    reached = set(made.stage(track, "mixed")["question_id"])
    leaks = {
        question
        for kind in ("leak_exact", "leak_edited", "leak_ngram")
        for _, question in planted[kind]
        if question in reached
    }
    dropped = made.stage(track, "decontaminated", dropped=True)
    assert set(dropped["question_id"]) == leaks
    assert len(leaks) >= 10
    assert set(dropped["drop_reason"]) == {"contaminated"}


@pytest.mark.parametrize("track", TRACKS)
def test_a_leaks_twin_is_a_benchmark_question(made, planted, track):
    benchmarks = {}
    for asset, version in made.store.assets():
        if asset[0] == "benchmarks":
            benchmarks |= dict(version.scan().select("question_id", "question").collect().iter_rows())
    exact = {question for _, question in planted["leak_exact"]}
    for row in made.stage(track, "decontaminated", dropped=True).iter_rows(named=True):
        twin = json.loads(row["drop_evidence"])["twin"]
        assert twin in benchmarks
        if row["question_id"] in exact:
            assert benchmarks[twin] == row["question"]


@pytest.mark.parametrize("track", ["math", "science"])
def test_of_equal_questions_one_is_kept(made, planted, track):
    reached, kept = made.stage(track, "filtered"), made.stage(track, "deduplicated")
    assert kept["question"].n_unique() == kept.height == reached["question"].n_unique()
    dropped = made.stage(track, "deduplicated", dropped=True)
    assert set(dropped["drop_reason"]) == {"duplicate"}
    again = {question for kind in ("exact_duplicate", "cross_source_duplicate") for _, question in planted[kind]}
    assert again & set(reached["question_id"])
    twins = {row["question_id"]: json.loads(row["drop_evidence"])["twin"] for row in dropped.iter_rows(named=True)}
    texts = dict(reached.select("question_id", "question").iter_rows())
    assert all(texts[question] == texts[twin] and question != twin for question, twin in twins.items())
    assert set(twins.values()) <= set(kept["question_id"])


def test_no_answer_is_right_by_broken_tests(made, planted):
    broken = {question for _, question in planted["broken_tests"]}
    verdicts = made.stage("code", "verified").filter(pl.col("question_id").is_in(broken))["verdict"]
    assert "right" not in set(verdicts)


@pytest.mark.parametrize("track", TRACKS)
def test_the_teacher_is_right_well_above_chance_and_not_always(made, track):
    verdicts = made.stage(track, "verified")["verdict"]
    assert 0.2 < (verdicts == "right").mean() < 0.999


def test_the_dataset_warns_that_a_miniature_wrote_it(made):
    version = made.store.latest((NAME, "dataset"))
    checks = {check["name"]: check for check in version.record["checks"]}
    assert not checks["real_teacher"]["passed"]
    assert not checks["real_teacher"]["blocking"]
    assert "embedded:teacher@" in checks["real_teacher"]["message"]
    assert all(check["passed"] for name, check in checks.items() if name != "real_teacher")


def test_explain_tells_how_a_row_came_into_the_dataset(made):
    (row,) = made.sql(f"select row_id from {NAME}.metadata where domain = 'math' order by row_id limit 1")
    told = ot(made.root, "explain", row["row_id"]).stdout
    for text in (
        "sources/openmath_2_math",
        "decontaminate: indel_or_ngram",
        "answers: teacher",
        "verdict:",
        f"{NAME}/dataset",
    ):
        assert text in told


def test_explain_tells_why_a_row_is_not_there(made, planted):
    lost = made.stage("math", "decontaminated", dropped=True)["question_id"]
    question = next(q for _, q in planted["leak_exact"] if q in set(lost))
    last = json.loads(ot(made.root, "explain", question, "--json").stdout)[-1]
    assert (last["asset"], last["reason"]) == (f"{NAME}/math/decontaminated", "contaminated")
    assert last["twin"]["asset"].startswith("benchmarks/")
    assert last["twin"]["question"].strip() != ""


QUERIES = dict(
    re.findall(r"\*\*([^*]+)\*\*.*?```sql\n(.*?)```", (PROJECT / "docs" / "queries.md").read_text(), re.DOTALL)
)


def test_every_question_of_the_documentation_has_an_answer(made):
    assert len(QUERIES) >= 10
    with Warehouse(root=str(made.root)).connect(ledger=True) as connection:
        answers = {question: connection.sql(query).fetchall() for question, query in QUERIES.items()}
    empty = {question for question, rows in answers.items() if not rows}
    # This store holds one version of the dataset only.
    assert empty <= {"In what do two versions of a dataset differ?"}


def test_plain_duckdb_in_another_process_answers_the_same(made):
    code = (
        "import duckdb, json, sys; c = duckdb.connect();"
        f"c.execute(\"attach '{made.root / 'warehouse.duckdb'}' as ot (read_only); use ot\");"
        "print(json.dumps([len(c.sql(q).fetchall()) for q in json.load(sys.stdin)]))"
    )
    queries = list(QUERIES.values())
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(queries), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Warehouse(root=str(made.root)).connect() as connection:
        assert json.loads(done.stdout) == [len(connection.sql(query).fetchall()) for query in queries]


def test_plain_duckdb_answers_while_a_run_writes(made, tmp_path):
    """Another process, with nothing of ours in it, asks everything again and again until a longer run is killed."""
    root = tmp_path / "data"
    shutil.copytree(made.root, root, symlinks=True)
    code = (
        "import duckdb, json, sys; queries = json.load(sys.stdin)\n"
        "for _ in range(4):\n"
        f"    c = duckdb.connect(); c.execute(\"attach '{root / 'warehouse.duckdb'}' as ot (read_only); use ot\")\n"
        "    print(sum(len(c.sql(q).fetchall()) for q in queries))"
    )
    writing = subprocess.Popen(
        [*COMMAND, "materialize", NAME, "--scale", "0.004"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT,
        env=environment(root),
        start_new_session=True,
    )
    try:
        before = _stored(root)
        lines = _lines(root)
        while _lines(root) == lines:
            assert writing.poll() is None, "it ended before it wrote"
            time.sleep(0.05)
        done = subprocess.run(
            [sys.executable, "-c", code], input=json.dumps(list(QUERIES.values())), capture_output=True, text=True
        )
        assert writing.poll() is None, "it ended before the questions were asked"
        assert _lines(root) > lines + 1 or _stored(root) > before
    finally:
        os.killpg(writing.pid, signal.SIGKILL)
        writing.wait()
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 4


def _lines(root: Path) -> int:
    return sum(1 for _ in run_lines(root))


def test_another_selection_asks_nothing_and_reuses_what_is_before_it(made, tmp_path):
    body = yaml.safe_load(RECIPE.read_text())
    body["name"] = "only_verified"
    body["dataset"]["rows"] = "all"
    for items in body["tracks"].values():
        items[-1] = {"select": {"use": "verified"}}
    (tmp_path / "only_verified.yaml").write_text(yaml.safe_dump(body))
    run = ot(made.root, "materialize", str(tmp_path / "only_verified.yaml"))
    assert run.returncode == 0, run.stderr
    assert " requests" not in run.stderr
    told = [line.split(" s  ", 1)[1] for line in run.stderr.splitlines() if " rows" in line]
    made_anew = {line.split(":")[0] for line in told if not line.endswith(", reused")}
    late = {f"only_verified/{track}/{asset}" for track in TRACKS for asset in ("selected", "formatted")}
    assert made_anew == late | {"only_verified/dataset", "only_verified/metadata"}
    (row,) = made.sql("select count(*) n, bool_and(verdict = 'right') all_right from only_verified.metadata")
    assert row["all_right"]
    assert row["n"] == sum((made.stage(track, "verified")["verdict"] == "right").sum() for track in TRACKS)


def _stored(root: Path) -> int:
    with closing(sqlite3.connect(root / "ledger" / "index.sqlite", timeout=60)) as connection:
        return connection.execute("select count(*) from entries").fetchone()[0]


def test_a_run_that_is_killed_while_it_answers_ends_in_the_same_dataset(made, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(made.before_answers, root, symlinks=True)
    judged = _stored(root)
    killed = subprocess.Popen(
        [*COMMAND, "materialize", NAME],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT,
        env=environment(root),
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while _stored(root) < judged + 5 * BATCH:
        assert killed.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "it does not answer"
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    Ledger(root / "ledger").close()  # finds what was written and not indexed
    kept = _stored(root) - judged
    assert 5 * BATCH <= kept < 1728
    assert sql(root, f"select count(*) n from {NAME}.math_sampled") == [{"n": 108}]
    assert Store(root=str(root)).latest((NAME, "math", "answers")) is None

    run = ot(root, "materialize", NAME)
    assert run.returncode == 0, run.stderr
    usage = json.loads(ot(root, "ledger", "--json").stdout)
    again = [row for row in usage if row["asset"] == f"{NAME}/math/answers"][-1]
    assert (again["reused"], again["answered"], again["failed"]) == (kept, 1728 - kept, 0)
    assert dataset_version(root) == dataset_version(made.root)
