"""`ot scores`: hand in what a student scored that was evaluated elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from ot_assets.strategies.scores import elsewhere
from ot_resources.environments import data_root
from ot_resources.interfaces import BadInput
from ot_resources.store import Store, beside
from ot_resources.students.models import SCORES


def hand_in(study: str, variant: str, file: str, seed: int | None, trust: bool) -> str:
    """Check a file of results and put it beside the variant's student; what was done, in a line.

    BadInput: it cannot be read, is of another student, or tells a benchmark once more. With `trust`, a model that the
    file calls by some other name is taken for the student.
    """
    students = _students(study, variant)
    if seed is None and len(students) > 1:
        raise BadInput(f"{study}/{variant} has the seeds {', '.join(map(str, students))}: say which with --seed")
    chosen = next(iter(students)) if seed is None else seed
    if chosen not in students:
        raise BadInput(f"{study}/{variant} has no seed {chosen}; it has: {', '.join(map(str, students))}")
    student, path = students[chosen], Path(file)
    if not path.is_file():
        raise BadInput(f"{file}: no such file")
    text = path.read_text(encoding="utf-8")
    results = elsewhere.read(text, file)
    _check_student(results.model, student, file, trust)
    folder = data_root() / "students" / student / SCORES
    there = {one.benchmark: other.name for other in _files(folder) for one in _measured(other)}
    target = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    told = sorted({one.benchmark for one in results.measured})
    if target.name in there.values():
        return f"{file}: was handed in before, as {target}"
    if again := [benchmark for benchmark in told if benchmark in there]:
        raise BadInput(
            f"{file}: {again[0]} of this student is in {folder / there[again[0]]} already; remove that first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    temporary = beside(target)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
    return f"{target}: {', '.join(told)} of student {student} ({study}/{variant}, seed {chosen})"


def _students(study: str, variant: str) -> dict[int, str]:
    """The students of a variant by seed."""
    version = Store(root=str(data_root())).latest((study, variant, "student"))
    if version is None:
        raise BadInput(f"no students of {study}/{variant}: run 'ot materialize {study}' first")
    rows = version.scan().select("seed", "student").sort("seed").collect()
    return dict(rows.filter(pl.col("student").is_not_null()).iter_rows())


def _check_student(model: str | None, student: str, file: str, trust: bool) -> None:
    """Whether the file is of this student: its model is called by the student's key, as the exported config does."""
    if model is not None and student in model:
        return
    others = [folder.name for folder in (data_root() / "students").glob("[!.]*") if folder.name != student]
    if other := next((name for name in others if model and name in model), None):
        raise BadInput(f"{file}: is of student {other}, not of {student}")
    if not trust:
        called = f"calls its model '{model[:80]}'" if model else "does not name its model"
        raise BadInput(f"{file}: {called}, which is not student {student}; if it is that one, add --trust")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _measured(file: Path) -> tuple[elsewhere.Measured, ...]:
    return elsewhere.read(file.read_text(encoding="utf-8"), str(file)).measured
