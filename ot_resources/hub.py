"""Raw tables from the Hugging Face Hub, through `datasets`.

In the `local` environment each Hub dataset has a stand-in in `data/samples/<org>__<name>/`, in the same schema. In the
others a revision is locked at first contact with the Hub, in `revisions.lock`, and stays until the line is removed. A
dataset whose line there says "latest" is followed instead: every look asks the Hub for its newest commit.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import dagster as dg
from pydantic import Field

from ot_resources.files import RawTable, fingerprint, first_line
from ot_resources.interfaces import BadInput, Tokenizer
from ot_resources.tokenizers import open_tokenizer
from ot_resources.unfinished import beside, write_whole

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
FOLLOW = "latest"


class Hub(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Datasets of the Hugging Face Hub, pinned to a revision; their miniature stand-ins when `samples` is set."""

    samples: str = Field(
        default="", description="Folder of stand-ins, <org>__<name>/<split>.parquet. Empty: the real Hub."
    )
    cache: str = Field(description="Folder for downloaded tables.")
    lock: str = Field(
        description='File of locked revisions: {dataset: commit}, or "latest" to follow. Written at first contact.'
    )
    tokenizer: str = Field(
        "words",
        description="What n-grams are counted in: words, qwen2, or a Hub tokenizer such as Qwen/Qwen2-7B-Instruct.",
    )

    def revision(self, dataset: str, split: str, files: str = "", known: str | None = None) -> str:
        """The state of a dataset, without reading it: the locked or newest commit, or the stand-in's content hash.

        At first contact the `known` commit is locked, or the newest where none is known.
        """
        if self.samples:
            return fingerprint(self._stand_ins(dataset, split, files))
        locked = self._locked()
        if locked.get(dataset) == FOLLOW:
            return _resolve(dataset)
        if dataset not in locked:
            locked[dataset] = known or _resolve(dataset)
            write_whole(Path(self.lock), json.dumps(locked, indent=1, sort_keys=True) + "\n")
        return locked[dataset]

    def files(self, dataset: str, files: str, revision: str) -> RawTable:
        """Files of the dataset's repository at a revision, as they are; `files` is a name or a glob."""
        if self.samples:
            return RawTable(self._stand_ins(dataset, "", files), revision, stand_in=True)
        from huggingface_hub import snapshot_download

        folder = Path(
            snapshot_download(
                dataset, repo_type="dataset", revision=revision, allow_patterns=files, cache_dir=str(Path(self.cache))
            )
        )
        found = tuple(sorted(folder.glob(files)))
        if not found:
            raise BadInput(f"{dataset}: the Hub has no file '{files}' at {revision[:12]}")
        return RawTable(found, revision)

    def fetch(self, dataset: str, config: str | None, split: str, revision: str) -> RawTable:
        """The split at a revision, as Parquet in the cache, read through `datasets` (never with remote code).

        The split "all" is every split, one after the other.
        """
        folder = Path(self.cache) / dataset.replace("/", "__") / (config or "default") / f"{split}-{revision[:16]}"
        if not folder.exists():
            draft = beside(folder)
            draft.mkdir(parents=True)
            self._load(dataset, config, split, revision, draft / "arrow").to_parquet(str(draft / "data.parquet"))
            shutil.rmtree(draft / "arrow", ignore_errors=True)
            try:
                draft.rename(folder)
            except OSError:
                if not folder.exists():  # unless another process fetched it first
                    raise
                shutil.rmtree(draft)
        return RawTable((folder / "data.parquet",), revision, stand_in=bool(self.samples))

    def _load(self, dataset: str, config: str | None, split: str, revision: str, scratch: Path):  # type: ignore[no-untyped-def]
        import datasets

        datasets.disable_progress_bars()
        if self.samples:
            files = {"train": [str(path) for path in self._stand_ins(dataset, split, "")]}
            return datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(scratch))
        return datasets.load_dataset(dataset, config, split=split, revision=revision, cache_dir=str(scratch))

    def _stand_ins(self, dataset: str, split: str, files: str) -> tuple[Path, ...]:
        folder = Path(self.samples) / dataset.replace("/", "__")
        name = files or ("*.parquet" if split == "all" else f"{split}.parquet")
        found = tuple(sorted(folder.glob(name)))
        if not found:
            raise BadInput(f"{dataset}: no stand-in at {folder / name}; OT_ENV=gpu reads the Hub itself")
        return found

    def _locked(self) -> dict[str, str]:
        path = Path(self.lock)
        try:
            locked = json.loads(path.read_text()) if path.exists() else {}
        except ValueError as error:
            raise BadInput(f"{path}: not valid JSON ({first_line(error)})") from None
        if not isinstance(locked, dict) or not all(isinstance(commit, str) for commit in locked.values()):
            raise BadInput(f'{path}: not an object of {{dataset: commit}}, with "{FOLLOW}" for those that are followed')
        return locked

    def open_tokenizer(self) -> Tokenizer | None:
        """The tokenizer named by `tokenizer`, or None for words."""
        return open_tokenizer(self.tokenizer)


def _resolve(dataset: str) -> str:
    from huggingface_hub import HfApi

    try:
        return str(HfApi().dataset_info(dataset, timeout=30).sha)
    except Exception as error:  # the client raises anything from httpx errors to its own
        # Its type only: the client's words may hold the header that it sent.
        raise BadInput(
            f"{dataset}: the Hub did not answer ({type(error).__name__}); connect, or lock a commit in revisions.lock"
        ) from None
