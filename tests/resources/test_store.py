from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ot_assets.contracts import VOLATILE
from ot_resources.interfaces import BadInput
from ot_resources.store import Store, run_lines
from tests.conftest import PROJECT, require
from tests.resources.writing import ASSET, key, leftovers, none_dropped, record, whole, write

FRAME = pl.DataFrame({"question_id": ["a", "b", "c"], "question": ["1+1?", None, "3+3?"]})
OTHER = FRAME.with_columns(pl.lit("?").alias("question"))


@pytest.fixture
def store(data_root: Path) -> Store:
    return Store(root=str(data_root))


def test_what_is_written_is_read_with_its_drops(store):
    dropped = FRAME[:1].with_columns(pl.lit("short").alias("drop_reason"), pl.lit("{}").alias("drop_evidence"))
    version = write(store, FRAME[1:], dropped=dropped)
    assert_frame_equal(version.scan().collect(), FRAME[1:])
    assert_frame_equal(version.dropped().collect(), dropped)
    assert version.rows == 2
    assert version.record["dropped"] == {"short": 1}


def test_nothing_kept_still_leaves_a_table_with_its_columns(store):
    version = write(store, FRAME.clear())
    assert_frame_equal(version.scan().collect(), FRAME.clear())


def test_equal_content_and_identity_is_the_same_version_and_is_not_written_again(store):
    first = write(store, FRAME, n=1)
    # Their inodes: the record's time tells when the version was last used.
    files = {path: path.stat().st_ino for path in first.path.iterdir()}
    assert write(store, FRAME, n=1).version == first.version
    assert {path: path.stat().st_ino for path in first.path.iterdir()} == files
    assert not leftovers(Path(store.root))


def test_other_content_or_identity_is_another_version_beside_the_first(store):
    first = write(store, FRAME, n=1)
    bytes_before = (first.path / "part-00000.parquet").read_bytes()
    others = {write(store, OTHER, n=1).version, write(store, FRAME, n=2).version}
    assert len(others | {first.version}) == 3
    assert (first.path / "part-00000.parquet").read_bytes() == bytes_before


def test_volatile_columns_do_not_bear_identity(store):
    timed = FRAME.with_columns(pl.Series("verdict_seconds", [0.1, 0.2, 0.3]))
    slower = timed.with_columns(pl.col("verdict_seconds") + 1)
    assert write(store, timed).version == write(store, slower).version
    assert (
        write(store, timed.rename({"verdict_seconds": "s"})).version
        != write(store, slower.rename({"verdict_seconds": "s"})).version
    )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 40), max_size=5))
def test_the_version_does_not_depend_on_how_rows_came(store, cuts):
    frame = pl.DataFrame({"question_id": [str(n) for n in range(40)], "words": [["x"] * (n % 3) for n in range(40)]})
    with store.draft("questions") as draft:
        edges = sorted({0, 40, *cuts})
        for low, high in zip(edges, edges[1:], strict=False):
            piece = frame[low:high].lazy()
            draft.write(piece, none_dropped(piece))
        name = draft.seal({})
    assert name == write(store, frame).version


def test_a_later_batch_without_a_column_is_refused(store):
    with store.draft("questions") as draft:
        draft.write(FRAME.lazy(), none_dropped(FRAME))
        with pytest.raises(BadInput, match="lacks the column 'question'"):
            draft.write(FRAME.lazy().drop("question"), none_dropped(FRAME))


def test_lookup_finds_what_the_same_key_made(store):
    version = write(store, FRAME, n=1)
    found = store.lookup("questions", key(n=1))
    assert found is not None
    assert found.version == version.version
    assert store.lookup("questions", key(n=2)) is None
    assert store.lookup("answers", key(n=1)) is None
    shutil.rmtree(version.path)
    assert store.lookup("questions", key(n=1)) is None


def test_a_name_moves_only_when_it_is_pointed(store):
    assert store.latest(ASSET) is None
    first = write(store, FRAME)
    assert store.latest(ASSET) is None
    store.point(ASSET, first)
    with store.draft("questions") as draft:
        draft.write(OTHER.lazy(), none_dropped(OTHER))
        draft.seal({})
        assert store.latest(ASSET).version == first.version
    second = write(store, OTHER)
    assert store.latest(ASSET).version == first.version
    store.point(ASSET, second)
    assert store.latest(ASSET).version == second.version
    assert dict(store.assets()) == {ASSET: second}


def test_a_draft_that_is_not_committed_leaves_nothing(store):
    def half() -> None:
        with store.draft("questions") as draft:
            draft.write(FRAME.lazy(), none_dropped(FRAME))
            raise RuntimeError("the stage failed")

    with pytest.raises(RuntimeError, match="the stage failed"):
        half()
    assert not leftovers(Path(store.root))
    assert list(Path(store.root).rglob("record.json")) == []


def test_the_files_explain_themselves(store):
    version = write(store, FRAME, n=1)
    for name in ("part-00000.parquet", "dropped.parquet"):
        footer = pq.read_metadata(version.path / name).metadata
        assert footer[b"ot.version"].decode() == version.version
        assert json.loads(footer[b"ot.trail"]) == [{"n": 1}]


def test_a_reader_keeps_the_version_it_began_with(store):
    store.point(ASSET, write(store, FRAME))
    reading = store.latest(ASSET).scan()
    store.point(ASSET, write(store, OTHER))
    assert_frame_equal(reading.collect(), FRAME)
    assert_frame_equal(store.latest(ASSET).scan().collect(), OTHER)


def test_names_that_would_leave_the_store_are_refused(store):
    version = write(store, FRAME)
    for name in ("../up", "a/b", "", ".hidden"):
        with pytest.raises(BadInput, match="cannot name a table"):
            store.point(("recipe", name), version)


def test_a_torn_line_of_a_run_costs_that_line_only(store):
    store.log("run-1", {"asset": "a"})
    with (Path(store.root) / "runs" / "run-1.json").open("a") as file:
        file.write('{"asset": "torn\n')
    store.log("run-1", {"asset": "b"})
    assert [line["asset"] for line in run_lines(Path(store.root))] == ["a", "b"]


SLEEPER = """
import sys, time
from ot_resources.store import Store
draft = Store(root=sys.argv[1]).draft("questions")
print(draft.path, flush=True)
time.sleep(600)
"""


def test_drafts_of_dead_processes_are_swept_and_those_of_living_ones_stay(store):
    living, dead = (_start(SLEEPER, store.root) for _ in range(2))
    try:
        kept, swept = (Path(process.stdout.readline().strip()) for process in (living, dead))
        dead.kill()
        dead.wait()
        write(store, FRAME)
        assert kept.exists()
        assert not swept.exists()
    finally:
        for process in (living, dead):
            process.kill()
            process.communicate()


HALFWAY = """
import os, signal, sys
from pathlib import Path
from ot_resources.store import Store
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store = Store(root=sys.argv[1])
version = store.latest(("recipe", "math", "questions"))
store.point(("recipe", "math", "questions"), version)
"""


def test_a_name_that_was_to_be_moved_by_a_dead_process_leaves_nothing(store):
    asset = ("recipe", "math", "questions")
    store.point(asset, write(store, FRAME))
    folder = Path(store.root, "latest", "recipe", "math")
    assert subprocess.run([sys.executable, "-c", HALFWAY, store.root], cwd=PROJECT).returncode == -signal.SIGKILL
    assert len(list(folder.iterdir())) == 2
    store.point(asset, write(store, FRAME))
    assert [path.name for path in folder.iterdir()] == ["questions"]


WRITER = """
import itertools, sys
import polars as pl
from ot_resources.store import Store
from tests.resources.writing import record, write
store = Store(root=sys.argv[1])
for n in itertools.count(int(sys.argv[2])):
    rows = 1 + n % 5 * 3000
    frame = pl.DataFrame({"question_id": [f"{n}-{i}" for i in range(rows)], "n": [n] * rows})
    for track in ("math", "code"):
        store.point(("recipe", track, "questions"), write(store, frame, n=n, track=track))
    if n == int(sys.argv[2]):
        print("writing", flush=True)
"""


def test_a_process_killed_at_any_moment_leaves_whole_versions(store):
    luck = random.Random(7)
    for round_ in range(6):
        process = _start(WRITER, store.root, str(1000 * round_))
        assert process.stdout.readline() == "writing\n"
        time.sleep(luck.uniform(0.0, 0.4))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        pointed = dict(store.assets())
        assert set(pointed) == {("recipe", "math", "questions"), ("recipe", "code", "questions")}
        for version in pointed.values():
            assert whole(version)
            assert version.scan().select(pl.col("n").n_unique()).collect().item() == 1
    kept = [path for path in (store.path / "store" / "questions").iterdir() if path.name != ".keys"]
    assert len(kept) > 20
    assert all(whole(store.read("questions", path.name)) for path in kept)
    for name in (store.path / "store" / "questions" / ".keys").iterdir():
        if not name.name.startswith("."):
            assert store.lookup("questions", name.name) is not None


POINTER = """
import sys
import polars as pl
from ot_resources.store import Store
from tests.resources.writing import ASSET, write
store = Store(root=sys.argv[1])
versions = [write(store, pl.DataFrame({"n": [n]})) for n in range(2)]
store.point(ASSET, versions[0])
print("pointing", flush=True)
for n in range(4000):
    store.point(ASSET, versions[n % 2])
"""


def test_a_name_that_moves_is_never_missing(store):
    with _start(POINTER, store.root) as process:
        assert process.stdout.readline() == "pointing\n"
        looked = 0
        while process.poll() is None:
            assert all(store.latest(ASSET) is not None for _ in range(50))
            looked += 50
    assert process.returncode == 0
    assert looked > 500


FILLER = """
import resource, sys
import numpy, polars as pl
from ot_resources.store import Store
from tests.resources.writing import ASSET, leftovers, write
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store = Store(root=sys.argv[1])
store.point(ASSET, write(store, pl.DataFrame({"n": [1, 2, 3]})))
noise = pl.DataFrame({"n": numpy.random.default_rng(1).integers(0, 2**62, 1_000_000)})
try:
    store.point(ASSET, write(store, noise))
except Exception as error:
    print(type(error).__name__, store.latest(ASSET).scan().collect()["n"].to_list(), leftovers(store.path))
else:
    print("nothing failed")
"""


def test_a_file_that_cannot_grow_leaves_the_last_good_version(store):
    process = _start(FILLER, store.root, "limit")
    assert process.communicate()[0].strip() == "ComputeError [1, 2, 3] []"


def test_a_full_disk_leaves_the_last_good_version(store):
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", store.root]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    require("tmpfs", mounted, "mounting one needs root")
    try:
        assert _start(FILLER, store.root, "full").communicate()[0].strip() == "OSError [1, 2, 3] []"
    finally:
        subprocess.run(["umount", store.root], check=True)


def _start(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)


def test_another_process_may_commit_the_same_version_first(store):
    with store.draft("questions", VOLATILE) as ours:
        ours.write(FRAME.lazy(), none_dropped(FRAME))
        ours.seal({"n": 1})
        theirs = write(store, FRAME, n=1)
        assert ours.commit(record(3)).version == theirs.version
    assert whole(store.read("questions", theirs.version))


def test_what_another_try_may_mend_is_not_found_again(store):
    with store.draft("answers") as draft:
        draft.write(FRAME.lazy(), none_dropped(FRAME))
        draft.seal({"n": 1})
        draft.commit(record(2), remember=False)
    assert store.lookup("answers", key(n=1)) is None


def test_a_run_reads_what_it_made_itself(store):
    ours, theirs = write(store, FRAME), write(store, OTHER)
    store.point(ASSET, ours, "run 1")
    store.point(ASSET, theirs, "run 2")
    assert store.made("run 1", ASSET).version == ours.version
    assert store.made("run 2", ASSET).version == store.latest(ASSET).version == theirs.version
    assert store.made("run 3", ASSET).version == theirs.version


def test_strange_entries_break_nothing(store):
    version = write(store, FRAME)
    store.point(ASSET, version)
    (store.path / "store" / ".drafts" / "foo-bar").mkdir(parents=True)
    (store.path / "latest" / "recipe" / "we ird").symlink_to("nowhere")
    write(store, OTHER)
    assert [asset for asset, _ in store.assets()] == [ASSET]
