"""Ours: the strategy that asks a teacher, its ledger on, Parquet out.

python ours_client.py QUESTIONS.jsonl URL FOLDER
"""

import sys
from pathlib import Path

import polars as pl

from ot_assets.strategies import apply
from ot_resources.generators import open_generator


def main(questions: Path, url: str, folder: Path) -> None:
    with open_generator(f"server:echo@{url}", ledger=folder / "ledger") as teacher:
        answers = apply("answers.teacher", pl.scan_ndjson(questions), generator=teacher, samples=1, max_tokens=1024)
        answers.kept.sink_parquet(folder / "answers.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
