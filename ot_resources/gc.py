"""What of the store can go: versions that no name, no recorded dataset or scoreboard and no recent work refers to, and
the students of versions that are gone."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ot_resources.store import Store, run_lines

Id = tuple[str, str]  # kind and version
_ROOTS = ("dataset", "scoreboard")
# The tables that name students, and their column; the folder beside the store that students are in.
_STUDENT, STUDENTS = "student", "students"


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

    A dataset stands for everything that it was made from, so that each one ever recorded still reads with its inputs; a
    scoreboard does too, as recipes cite it.
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
        if line.get("stage") in _ROOTS
        for id_ in _closure(store, (line["kind"], line["version"]))
    }
    found = []
    for folder in _versions(store.path):
        id_ = (folder.parent.name, folder.name)
        used = _used(folder)
        young = f"younger than {min_age / 3600:g} h" if time.time() - used < min_age else ""
        why = in_use.get(id_) or recorded.get(id_) or young
        found.append(Finding(*id_, bool(why), why or "no name and no recorded dataset needs it", _size(folder), used))
    return found + _students(store, found, min_age)


def _students(store: Store, found: list[Finding], min_age: float) -> list[Finding]:
    """Trained students, and unfinished trainings: named by a table of students that stays, young, or free to go."""
    tables = [store.read(_STUDENT, finding.version) for finding in found if finding.kept and finding.kind == _STUDENT]
    named = {name for table in tables for name in table.scan().select(_STUDENT).collect()[_STUDENT]}
    students = []
    for folder in sorted(path for path in (store.path / STUDENTS).glob("*") if path.is_dir()):
        used = _used(folder)
        young = f"younger than {min_age / 3600:g} h" if time.time() - used < min_age else ""
        why = "a table of students names it" if folder.name in named else young
        told = why or "no table of students names it"
        students.append(Finding(STUDENTS, folder.name, bool(why), told, _size(folder), used))
    return students


def remove(store: Store, findings: list[Finding]) -> None:
    """Remove what may go, unless a run has looked it up since.

    A version leaves in one step, so that nobody meets half of it; its keys go with it.
    """
    gone = {(finding.kind, finding.version) for finding in findings if not finding.kept and _leave(store, finding)}
    for key in (store.path / "store").glob("*/.keys/*"):
        if (key.parents[1].name, key.read_text().strip()) in gone:
            key.unlink(missing_ok=True)


def _leave(store: Store, finding: Finding) -> bool:
    """Take one version away, unless somebody used it since it was found; whether it went."""
    inside = "" if finding.kind == STUDENTS else "store"
    folder = store.path / inside / finding.kind / finding.version
    aside = store.aside(f"gc-{finding.kind}-{finding.version}")
    try:
        if _used(folder) > finding.used:
            return False
        folder.rename(aside)
        if _used(aside) > finding.used:  # in the very moment
            aside.rename(folder)
            return False
    except FileNotFoundError:  # another `ot gc` was there first
        return False
    shutil.rmtree(aside)
    return True


def _used(folder: Path) -> float:
    """When a version was committed or last looked up; of a student, which has no such record, when it was last written
    or handed out."""
    record = folder / "record.json"
    return record.stat().st_mtime if record.exists() else max([folder.stat().st_mtime, *_times(folder)])


def _times(folder: Path) -> Iterator[float]:
    return (path.stat().st_mtime for path in folder.rglob("*") if path.is_file())


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


def _versions(root: Path) -> list[Path]:
    return sorted(record.parent for record in (root / "store").glob("[!.]*/*/record.json"))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
