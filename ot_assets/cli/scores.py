"""`ot scores`: hand in what a student scored that was evaluated elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from ot_assets.ablations.library import find_study
from ot_assets.ablations.model import Study
from ot_assets.ablations.winner import called
from ot_assets.strategies.scores import elsewhere
from ot_resources.environments import data_root
from ot_resources.interfaces import BadInput
from ot_resources.store import Store
from ot_resources.students.models import SCORES
from ot_resources.unfinished import write_whole

# How scores come to a variant whose students are trained elsewhere (strategies/scores/imported.py).
_IMPORTED = "imported"


def hand_in(study: str, variant: str, file: str, seed: int | None, trust: bool) -> str:
    """Check a file of results and put it beside the variant's student; what was done, in a line.

    BadInput: it cannot be read, is of another student, tells a benchmark once more or none of the study's, or the
    students are trained and asked here. With `trust`, a model that the file calls by some other name is taken for the
    student.
    """
    found = find_study(study)
    study, benchmarks = found.name, _asked_elsewhere(found, variant)
    students = _students(study, variant)
    if seed is None and len(students) > 1:
        raise BadInput(f"{study}/{variant} has the seeds {', '.join(map(str, students))}: say which with --seed")
    chosen = next(iter(students)) if seed is None else seed
    if chosen not in students:
        raise BadInput(f"{study}/{variant} has no seed {chosen}; it has: {', '.join(map(str, students))}")
    student, path = students[chosen], Path(file)
    if not path.is_file():
        raise BadInput(f"{file}: no such file")
    text = _text(path)
    results = elsewhere.read(text, file, benchmarks)
    _check_student(results.model, student, file, trust)
    folder = data_root() / "students" / student / SCORES
    there = {one.benchmark: other.name for other in _files(folder) for one in _measured(other, benchmarks)}
    target = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    measured = {one.benchmark for one in results.measured}
    told, ignored = sorted(measured & benchmarks), sorted(measured - benchmarks)
    if not told:
        raise BadInput(
            f"{file}: {study} has none of its benchmarks ({', '.join(ignored[:8])});"
            f" it has: {', '.join(sorted(benchmarks))}"
        )
    if target.name in there.values():
        return f"{file}: was handed in before, as {target}"
    if again := [benchmark for benchmark in sorted(measured) if benchmark in there]:
        raise BadInput(
            f"{file}: {again[0]} of this student is in {folder / there[again[0]]} already; remove that first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(target, text)
    said = f"{target}: {', '.join(told)} of student {student} ({study}/{variant}, seed {chosen})"
    return said + (f"; no benchmark of the study, and ignored: {', '.join(ignored)}" if ignored else "")


def _asked_elsewhere(study: Study, variant: str) -> frozenset[str]:
    """The study's benchmarks. BadInput: no such variant, or one whose students are trained and asked here."""
    if variant not in study.variants:
        raise BadInput(f"{study.name} has no variant '{variant}'; it has: {', '.join(study.variants)}")
    if study.variants[variant].scores.use != _IMPORTED:
        raise BadInput(
            f"{study.name}/{variant} is trained here and measured here; to hand scores in, say `train: elsewhere` under"
            f" `student` in {study.file.name} and run 'ot materialize {called(study)}'"
        )
    return frozenset(name for names in study.benchmarks.values() for name in names)


def _text(path: Path) -> str:
    try:
        return elsewhere.decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None


def _students(study: str, variant: str) -> dict[int, str]:
    """The students of a variant by seed."""
    version = Store(root=str(data_root())).latest((study, variant, "student"))
    if version is None:
        raise BadInput(f"no students of {study}/{variant}: run 'ot materialize {study}' first")
    # What was trained here says how many tokens it learned from.
    there = pl.col("student").is_not_null() & pl.col("tokens").is_null()
    rows = version.scan().filter(there).select("seed", "student").sort("seed").collect()
    if rows.is_empty():
        raise BadInput(f"the students of {study}/{variant} were trained here: run 'ot materialize {study}' again first")
    return dict(rows.iter_rows())


def _check_student(model: str | None, student: str, file: str, trust: bool) -> None:
    """Whether the file is of this student: its model is called by the student's key, as the exported config does."""
    if model is not None and student in model:
        return
    others = [folder.name for folder in (data_root() / "students").glob("[!.]*") if folder.name != student]
    if other := next((name for name in others if model and name in model), None):
        raise BadInput(f"{file}: is of student {other}, not of {student}")
    if not trust:
        called = f"calls its model {model[:80]!r}" if model else "does not name its model"
        raise BadInput(f"{file}: {called}, which is not student {student}; if it is that one, add --trust")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _measured(file: Path, benchmarks: frozenset[str]) -> tuple[elsewhere.Measured, ...]:
    return elsewhere.read(_text(file), str(file), benchmarks).measured
