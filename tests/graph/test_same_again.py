"""The same recipe on the same inputs gives the same versions, whatever the hash seed and the number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import yaml

from tests.conftest import PROJECT
from tests.strategies.frames import shared

MAKE = """
import json, sys
from pathlib import Path
from tests.graph.running import make
made = make(Path(sys.argv[1]))
print(json.dumps({name: m.version.version for name, m in made.items()}))
"""


def write(folder: Path) -> Path:
    """Real traces through whatever counts, samples, learns, groups or runs in processes of its own."""
    traces = pl.scan_parquet(shared("traces_sky_t1_math")).filter(pl.col("complete")).head(400)
    traces.sink_parquet(folder / "traces.parquet")
    for name in ("math_hendrycks_train", "math_svamp"):
        pl.scan_parquet(shared(name)).head(200).sink_parquet(folder / f"{name}.parquet")
    learn = {
        "positives": [{"path": "math_hendrycks_train.parquet", "question": "question"}],
        "negatives": [{"path": "math_svamp.parquet", "question": "question"}],
        "dim": 16,
        "buckets": 20_000,
    }
    source = {
        "use": "files",
        "id": "traces",
        "path": "traces.parquet",
        "question": "question",
        "reference": "answer",
        "imported": {"answer": "text", "model": "model"},
    }
    against = [{"path": "math_svamp.parquet", "question": "question"}]
    body = {
        "name": "again",
        "format": {"use": "think", "require_reasoning": False},
        "tracks": {
            "math": [
                {"sources": [source]},
                {"mix": {"use": "quotas", "quotas": {"traces": 300}}},
                {"decontaminate": {"use": "indel_or_ngram", "against": against}},
                {"dedup": {"use": "indel", "threshold": 90}},
                {"filter": {"use": "math_text", "as": "readable", "solution": False, "box": False}},
                {"filter": {"use": "language", "as": "english", "keep": ["en"]}},
                {"filter": {"use": "fasttext", "as": "likely", "keep": 60, **learn}},
                {"filter": {"use": "random", "keep": 50}},
                {"sample": {"use": "upsample", "n": 70}},
                {"answers": "imported"},
                {"verify": "math"},
                {"select": {"use": "majority", "as": "agreed"}},
                {"select": {"use": "random", "share": 0.8}},
            ]
        },
        "dataset": {"rows": {"math": 20}},
    }
    file = folder / "again.yaml"
    file.write_text(yaml.safe_dump(body, sort_keys=False))
    return file


def versions(file: Path, data: Path, **environment: str) -> dict[str, str]:
    env = os.environ | environment | {"OT_DATA": str(data), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", MAKE, str(file)], env=env, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_neither_hash_seed_nor_threads_change_a_version(tmp_path):
    file = write(tmp_path)
    one = versions(file, tmp_path / "one", PYTHONHASHSEED="1", POLARS_MAX_THREADS="1", OMP_NUM_THREADS="1")
    two = versions(file, tmp_path / "two", PYTHONHASHSEED="2", POLARS_MAX_THREADS="2", OMP_NUM_THREADS="2")
    assert one == two
    assert "again/dataset" in one
