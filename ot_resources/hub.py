"""Raw tables from outside: Hub datasets through `datasets`, and files.

In the `local` environment each Hub dataset has a stand-in in `data/samples/<org>__<name>/`, in the same schema. In the
others a revision is locked at first contact with the Hub, in `revisions.lock`, and stays until the line is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from ot_resources.interfaces import BadInput, Tokenizer

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
_READERS = {".parquet": "parquet", ".jsonl": "json", ".ndjson": "json", ".csv": "csv"}


@dataclass(frozen=True)
class RawTable:
    """A table as its owner publishes it, and the fingerprint that tells one state of it from another."""

    paths: tuple[Path, ...]
    revision: str
    stand_in: bool = False

    def scan(self) -> pl.LazyFrame:
        return scan_files(self.paths)


class Hub(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Datasets of the Hugging Face Hub, pinned to a revision; their miniature stand-ins when `samples` is set."""

    samples: str = Field("", description="Folder of stand-ins, <org>__<name>/<split>.parquet. Empty: the real Hub.")
    cache: str = Field(description="Folder for downloaded tables.")
    lock: str = Field(description="File of locked revisions: {dataset: commit}. Written at first contact.")
    tokenizer: str = Field(
        "words", description="What n-grams are counted in: words, or a Hub tokenizer such as Qwen/Qwen2-7B-Instruct."
    )

    def revision(self, dataset: str, split: str) -> str:
        """The state of a dataset, without reading it: the locked commit, or the stand-in's content hash."""
        if self.samples:
            return fingerprint((self._stand_in(dataset, split),))
        locked = self._locked()
        if dataset not in locked:
            locked[dataset] = _resolve(dataset)
            Path(self.lock).write_text(json.dumps(locked, indent=1, sort_keys=True) + "\n")
        return locked[dataset]

    def fetch(self, dataset: str, config: str | None, split: str) -> RawTable:
        """The dataset's split as Parquet in the cache, read through `datasets` (never with remote code)."""
        revision = self.revision(dataset, split)
        folder = Path(self.cache) / dataset.replace("/", "__") / (config or "default") / f"{split}-{revision[:16]}"
        if not folder.exists():
            draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
            draft.mkdir(parents=True)
            self._load(dataset, config, split, revision, draft / "arrow").to_parquet(str(draft / "data.parquet"))
            shutil.rmtree(draft / "arrow", ignore_errors=True)
            with contextlib.suppress(OSError):  # another process fetched it first
                draft.rename(folder)
        return RawTable((folder / "data.parquet",), revision, stand_in=bool(self.samples))

    def _load(self, dataset: str, config: str | None, split: str, revision: str, scratch: Path):  # type: ignore[no-untyped-def]
        import datasets

        datasets.disable_progress_bars()
        if self.samples:
            files = {split: str(self._stand_in(dataset, split))}
            return datasets.load_dataset("parquet", data_files=files, split=split, cache_dir=str(scratch))
        return datasets.load_dataset(dataset, config, split=split, revision=revision, cache_dir=str(scratch))

    def _stand_in(self, dataset: str, split: str) -> Path:
        path = Path(self.samples) / dataset.replace("/", "__") / f"{split}.parquet"
        if not path.exists():
            raise BadInput(f"{dataset}: no stand-in at {path}; OT_ENV=gpu reads the Hub itself")
        return path

    def _locked(self) -> dict[str, str]:
        path = Path(self.lock)
        return json.loads(path.read_text()) if path.exists() else {}

    def open_tokenizer(self) -> Tokenizer | None:
        """The Hub tokenizer named by `tokenizer`, or None for words."""
        return None if self.tokenizer == "words" else HubTokenizer(self.tokenizer)


class HubTokenizer:
    """Token ids of a Hub tokenizer; the published 13-gram rule counts those of Qwen/Qwen2-7B-Instruct."""

    def __init__(self, name: str) -> None:
        self.name = name

    def tokens(self, text: str) -> list[int]:
        return _hub_tokenizer(self.name)(text, add_special_tokens=False)["input_ids"]


@cache
def _hub_tokenizer(name: str):  # type: ignore[no-untyped-def]
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except OSError as error:
        raise BadInput(f"tokenizer {name} cannot be had ({_first_line(error)}); set OT_TOKENIZER=words") from None


def _resolve(dataset: str) -> str:
    from huggingface_hub import HfApi

    try:
        return str(HfApi(token=os.environ.get("HF_TOKEN")).dataset_info(dataset, timeout=30).sha)
    except Exception as error:  # the client raises anything from httpx errors to its own
        raise BadInput(
            f"{dataset}: revision not locked and the Hub did not answer ({_first_line(error)}); "
            "connect once, or add the commit to revisions.lock"
        ) from None


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def find_files(pattern: str, base: Path, where: str) -> tuple[Path, ...]:
    """The files that a path, a folder or a glob names, relative to `base`; BadInput when there is none."""
    path = Path(pattern) if Path(pattern).is_absolute() else base / pattern
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix in _READERS)
    elif any(mark in path.name for mark in "*?["):
        found = sorted(path.parent.glob(path.name))
    else:
        found = [path] if path.exists() else []
    if not found:
        raise BadInput(f"{where}: no file at {path}")
    for file in found:
        if file.suffix not in _READERS:
            raise BadInput(f"{where}: {file}: cannot read '{file.suffix}'; use {', '.join(_READERS)}")
    return tuple(found)


def scan_files(paths: tuple[Path, ...]) -> pl.LazyFrame:
    """One LazyFrame over Parquet, JSONL or CSV files; BadInput names the file that cannot be read."""
    frames = [_scan(path) for path in paths]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")


def _scan(path: Path) -> pl.LazyFrame:
    reader = _READERS[path.suffix]
    try:
        if reader == "parquet":
            frame = pl.scan_parquet(path)
        elif reader == "json":
            frame = pl.scan_ndjson(path, infer_schema_length=None)
        else:
            frame = pl.scan_csv(path, infer_schema_length=None)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path}: not a readable {reader} file ({_first_line(error)})") from None
    return frame


def fingerprint(paths: tuple[Path, ...]) -> str:
    """SHA-256 over the files' contents."""
    digest = hashlib.sha256()
    for path in paths:
        stat = path.stat()
        digest.update(_file_hash(path, stat.st_mtime_ns, stat.st_size).encode())
    return digest.hexdigest()


@cache
def _file_hash(path: Path, modified: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
