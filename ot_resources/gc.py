"""What of the store can go: versions that no name, no recorded dataset and no recent work refers to."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ot_resources.store import Store, run_lines

Id = tuple[str, str]  # kind and version


@dataclass(frozen=True)
class Finding:
    """What becomes of one version, and why. `size` is in bytes; `used` is when it was committed or last looked up."""

    kind: str
    version: str
    kept: bool
    why: str
    size: int
    used: float

    @property
    def age(self) -> float:
        """Seconds since it was used."""
        return time.time() - self.used


def survey(store: Store, min_age: float) -> list[Finding]:
    """Every version: behind a name, behind a recorded dataset, younger than `min_age` seconds, or free to go.

    A dataset stands for everything that it was made from, so that each one ever recorded still reads with its inputs.
    What is young stays, since a run may have written it for a stage that has not read it yet.
    """
    in_use = {
        id_: f"in use by {asset[0]}"
        for asset, version in store.assets()
        for id_ in _closure(store, (version.kind, version.version))
    }
    recorded = {
        id_: f"behind {line['asset']} of run {line['run_id'][:8]}"
        for line in run_lines(store.path)
        if line.get("stage") == "dataset"
        for id_ in _closure(store, (line["kind"], line["version"]))
    }
    found = []
    for folder in _versions(store.path):
        id_ = (folder.parent.name, folder.name)
        used = (folder / "record.json").stat().st_mtime
        young = f"younger than {min_age / 3600:g} h" if time.time() - used < min_age else ""
        why = in_use.get(id_) or recorded.get(id_) or young
        found.append(Finding(*id_, bool(why), why or "no name and no recorded dataset needs it", _size(folder), used))
    return found


def remove(store: Store, findings: list[Finding]) -> None:
    """Remove what may go, unless a run has looked it up since.

    A version leaves in one step, so that nobody meets half of it; its keys go with it.
    """
    gone = {
        (finding.kind, finding.version) for finding in findings if not finding.kept and not _used_since(store, finding)
    }
    drafts = store.path / "store" / ".drafts"
    drafts.mkdir(parents=True, exist_ok=True)
    for kind, version in sorted(gone):
        aside = drafts / f"{os.getpid()}-gc-{kind}-{version}"
        (store.path / "store" / kind / version).rename(aside)
        shutil.rmtree(aside)
    for key in (store.path / "store").glob("*/.keys/*"):
        if (key.parents[1].name, key.read_text().strip()) in gone:
            key.unlink()


def _closure(store: Store, root: Id) -> Iterator[Id]:
    """The version and everything that it was made from, as far as it is there."""
    waiting, seen = [root], {root}
    while waiting:
        kind, version = id_ = waiting.pop()
        yield id_
        record = store.path / "store" / kind / version / "record.json"
        if record.exists():
            below = {(i["kind"], i["version"]) for i in json.loads(record.read_text(encoding="utf-8"))["inputs"]}
            waiting += below - seen
            seen |= below


def _used_since(store: Store, finding: Finding) -> bool:
    record = store.path / "store" / finding.kind / finding.version / "record.json"
    return not record.exists() or record.stat().st_mtime > finding.used


def _versions(root: Path) -> list[Path]:
    return sorted(record.parent for record in (root / "store").glob("[!.]*/*/record.json"))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
