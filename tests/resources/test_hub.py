"""Raw tables of the Hub, through their stand-ins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl

from ot_resources.hub import Hub
from ot_resources.unfinished import owned

_KILLED = """
import os, signal, sys
from pathlib import Path
from ot_resources.hub import Hub

def load(*_):
    os.kill(os.getpid(), signal.SIGKILL)

Hub._load = load
Hub(samples=sys.argv[1], cache=sys.argv[2], lock="").fetch("org/set", None, "train", "revision")
"""


def test_what_a_killed_process_had_begun_to_fetch_is_fetched_anew_and_nothing_of_it_stays(tmp_path: Path) -> None:
    folder, cache = tmp_path / "samples" / "org__set", tmp_path / "cache"
    folder.mkdir(parents=True)
    pl.DataFrame({"question": ["1 + 1"]}).write_parquet(folder / "train.parquet")
    samples = str(folder.parent)
    killed = subprocess.run([sys.executable, "-c", _KILLED, samples, str(cache)], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    left = list((cache / "org__set" / "default").iterdir())
    assert len(left) == 1
    mine = left[0].with_name(f".{owned('train')}")  # another fetch of ours that goes on meanwhile
    mine.mkdir()

    table = Hub(samples=samples, cache=str(cache), lock="").fetch("org/set", None, "train", "revision")
    assert pl.read_parquet(table.paths).to_dicts() == [{"question": "1 + 1"}]
    assert sorted((cache / "org__set" / "default").iterdir()) == sorted([mine, table.paths[0].parent])
