"""A disk that is full, or that lost a part of the ledger; and two runs that use one ledger at the same time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ot_resources.generators.ledger import Ledger
from ot_resources.generators.segments import Segments
from tests.conftest import require
from tests.e2e.server import wait
from tests.faults.samples import KEYS, dataset, stored, write_asking
from tests.faults.trial import Trial, start
from tests.recipes.small import KEPT

# Samples of each question that two recipes ask for: enough that the first run still asks when the second begins to.
SHARED = {"small": 40, "other": 44}


@dataclass(frozen=True)
class SmallDisk:
    """A file system in memory."""

    folder: Path

    def grow(self) -> None:
        _mount("-o", "remount,size=64m", str(self.folder))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[SmallDisk]:
    folder.mkdir(parents=True)
    mounted = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    require("tmpfs", mounted, "mounting a file system takes root")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> bool:
    return shutil.which("mount") is not None and subprocess.run(["mount", *arguments], check=False).returncode == 0


@pytest.fixture(scope="module")
def recipe(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_asking(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def made(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a run of the recipe; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    trial = start(folder / "data", folder / "trial", "materialize", str(recipe))
    assert trial.end() == 0, trial.said
    return folder / "data"


def last_line(trial: Trial) -> str:
    return trial.said.splitlines()[-1]


@pytest.mark.parametrize(("part", "size"), [("ledger", "230k"), ("store", "120k")])
def test_a_full_disk_ends_the_run_in_a_line_and_once_it_is_larger_the_run_goes_on(
    part: str, size: str, recipe: Path, tmp_path: Path
) -> None:
    data, command = tmp_path / "data", ("materialize", str(recipe))
    with small_disk(data / part, size) as disk:
        full = start(data, tmp_path / "full", *command)
        assert full.end() == 1
        assert last_line(full).startswith("ot: ") and "Traceback" not in full.said
        assert str(data if part == "store" else disk.folder) in last_line(full)
        assert "No space left on device" in last_line(full)
        kept = set(stored(data))
        disk.grow()
        again = start(data, tmp_path / "again", *command)
        assert again.end() == 0, again.said
        assert set(again.asked) | kept == set(stored(data)) and not set(again.asked) & kept
        assert len(again.asked) == len(set(again.asked)) == KEYS - len(kept)
        assert (len(kept) < KEYS) == (part == "ledger")


def test_a_disk_too_full_for_a_run_to_begin_is_a_line(recipe: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", "3m") as disk:
        full = start(disk.folder, tmp_path / "full", "materialize", str(recipe))
        assert full.end() == 1
        assert last_line(full) == f"ot: OT_DATA={disk.folder}: No space left on device; what was finished is kept"
        assert "Traceback" not in full.said


def test_two_runs_at_the_same_time_ask_nothing_twice(recipe: Path, tmp_path: Path) -> None:
    """The second begins while the first is asking. It wants all that the first one wants, and some more."""
    data, files = tmp_path / "data", [write_asking(tmp_path / "recipe", name, samples=n) for name, n in SHARED.items()]
    one = start(data, tmp_path / "one", "materialize", str(files[0]))
    wait(lambda: one.asked, 240, "the first request")
    two = start(data, tmp_path / "two", "materialize", str(files[1]))
    assert [one.end(), two.end()] == [0, 0], [one.said, two.said]
    asked = one.asked + two.asked
    assert len(asked) == len(set(asked)) == len(stored(data)) == KEPT * 44
    assert two.asking[0] < one.asking[1]


def test_two_runs_begin_in_a_new_folder_at_the_same_time(recipe: Path, tmp_path: Path) -> None:
    runs = [start(tmp_path / "data", tmp_path / name, "materialize", str(recipe)) for name in ("one", "two")]
    assert [run.end() for run in runs] == [0, 0], [run.said for run in runs]
    asked = [key for run in runs for key in run.asked]
    assert len(asked) == len(set(asked)) == len(stored(tmp_path / "data")) == KEYS


def cut_the_tail(segment: Path) -> None:
    """100 bytes of the last response, and all that follows it."""
    segments = Segments(segment.parent)
    *_, last = (place for place, record in segments.scan(1) if record and "key" in record)
    os.truncate(segment, last.offset + last.length - 100)


def flip_a_byte(segment: Path) -> None:
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)


def lose_the_index(segment: Path) -> None:
    flip_a_byte(segment)
    for path in segment.parents[1].glob("index.sqlite*"):
        path.unlink()


@pytest.mark.parametrize("spoil", [cut_the_tail, flip_a_byte, lose_the_index])
def test_a_record_that_was_spoiled_is_reported_and_asked_again_and_no_other(
    spoil: Callable[[Path], None], recipe: Path, made: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(made / "ledger", data / "ledger")
    segment = data / "ledger" / "segments" / "000001.log"
    spoil(segment)
    kept = set(stored(data))
    assert len(kept) == KEYS - 1
    again = start(data, tmp_path / "again", "materialize", str(recipe))
    assert again.end() == 0, again.said
    assert len(again.asked) == 1 and not set(again.asked) & kept
    assert [line for line in again.said.splitlines() if f"{segment}: " in line and "hold no whole record" in line]
    assert dataset(data) == dataset(made)
    with closing(Ledger(data / "ledger")) as ledger:
        assert [damage.segment for damage in ledger.damages()] == [segment]
