"""The students of one data root: what is trained is handed out, what is missing is made."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ot_resources.digest import short_hash
from ot_resources.generators.budget import UNLIMITED, Budget
from ot_resources.generators.checkpoint import folder_hash
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.generators.settings import ModelSettings
from ot_resources.interfaces import BadInput, Message, Trained, Training
from ot_resources.students import EMBEDDED, STUDENT_FOLDER, is_folder
from ot_resources.students.exporting import export
from ot_resources.students.spec import RECORD, Spec, lines, record
from ot_resources.students.working import make_room, trained
from ot_resources.unfinished import beside

# Raised by hand when the same training would come out otherwise.
REVISION = 1
# What decides what a training comes to.
_PACKAGES = ("trl", "transformers", "torch", "accelerate")
_KEY = re.compile(r"[0-9a-f]{16}")
# Steps between two checkpoints: on a CPU a step takes about a tenth of a second, on GPUs some ten.
_EVERY_ON_CPU, _EVERY_ON_GPU = 50, 100

# The folder of a student that holds what was measured elsewhere.
SCORES = "scores"

Rows = Callable[[], Iterable[tuple[Message, ...]]]


@dataclass
class Models:
    """`Students` for one stage of one run. `generators` are those that were opened, with what they used.

    `base` is what an empty `Training.base` stands for: `embedded`, a folder by its absolute path or a name on the Hub;
    empty: nothing does.
    `every` counts the steps between two checkpoints (0: by the device).
    """

    folder: Path
    base: str
    engine: str
    ledger: str
    on_gpu: bool
    workers: int = 0
    every: int = 0
    run_id: str = "-"
    asset: str = "-"
    budget: Budget = UNLIMITED
    generators: list[LedgeredGenerator] = field(default_factory=list)

    def trained_by(self, training: Training) -> str:
        """What decides what comes of a training beside its rows, numbers and seed."""
        base = training.base or self.base
        # A package that only LoRA needs decides nothing else.
        parts = [software(), *([f"peft {_peft()}"] if training.lora else []), self.device]
        return "; ".join([*parts, *([_identity(base, training.revision)] if base else [])])

    @property
    def device(self) -> str:
        """A CPU trains in float32, GPUs in bfloat16."""
        return "cuda" if self.on_gpu else "cpu"

    def train(self, rows: Rows, training: Training, seeds: Sequence[int]) -> Iterator[Trained]:
        keys = self.keys(rows, training, seeds)
        missing = [seed for seed in dict.fromkeys(seeds) if not (self.folder / keys[seed] / RECORD).exists()]
        specs = [self._spec(keys[seed], training, seed, rows) for seed in missing]
        if specs and self.on_gpu:
            make_room()
        made = trained(specs, self._at_once(len(specs)), self.asset)
        with closing(made):
            for seed in seeds:
                yield next(made) if seed in missing else _handed_out(self.folder / keys[seed])
                missing = [other for other in missing if other != seed]

    def keys(self, rows: Rows, training: Training, seeds: Sequence[int]) -> dict[int, str]:
        """What the student of each seed is called, by all that decides what comes of its training."""
        base = _identity(training.base or self.base, training.revision)
        numbers = asdict(replace(training, base=base, revision=""))
        told = [REVISION, _counted(rows)[0], numbers, self.trained_by(training)]
        return {seed: short_hash([*told, seed]) for seed in seeds}

    def prepare(self, rows: Rows, training: Training, seed: int) -> Spec:
        """All that the process of one training needs, on disk; nothing is started."""
        return self._spec(self.keys(rows, training, [seed])[seed], training, seed, rows)

    @contextmanager
    def open(self, student: str) -> Iterator[LedgeredGenerator]:
        folder = self.folder / student
        if not _KEY.fullmatch(student) or not (folder / "config.json").exists():
            raise BadInput(f"no student {student} in {self.folder}; materialise the asset `student` first")
        settings = ModelSettings(engine=self.engine, model=str(folder), ledger=self.ledger)
        generator = settings.generator(self.run_id, self.asset, self.budget)
        self.generators.append(generator)
        try:
            yield generator
        finally:
            generator.ledger.close()
            settings.release()

    def scores(self, student: str) -> Iterator[tuple[str, str]]:
        for file in sorted((self.folder / student / SCORES).glob("*.json")):
            yield file.name, file.read_text(encoding="utf-8")

    def export(self, rows: Rows, training: Training, seeds: Sequence[int]) -> Iterator[Trained]:
        """One folder a seed, named by the rows, the training and the seed: nothing here decides what comes of it."""
        base = training.base or self.base
        if base in ("", EMBEDDED):
            raise BadInput("student: train: elsewhere needs a base, e.g. base: Qwen/Qwen2.5-7B-Instruct, or OT_STUDENT")
        digest, count = _counted(rows)
        steps = math.ceil(math.ceil(count / training.batch) * training.epochs)
        for seed in seeds:
            called = _identity(base, training.revision)
            numbers = asdict(replace(training, base=called, revision=""))
            key = short_hash(["elsewhere", REVISION, digest, numbers, seed])
            if not (self.folder / key / "train.yaml").exists():
                export(self.folder / key, rows(), training, base, seed, steps)
            yield Trained(seed, key, called, count, 0, steps, math.nan, 0.0)

    def _spec(self, key: str, training: Training, seed: int, rows: Rows) -> Spec:
        """All that a process needs, on disk."""
        work = self.folder / f".{key}"
        work.mkdir(parents=True, exist_ok=True)
        file = work / "rows.jsonl"
        if not file.exists():
            temporary = beside(file)
            with temporary.open("w", encoding="utf-8") as target:
                target.writelines(lines(rows()))
            temporary.replace(file)
        base = training.base or self.base
        spec = Spec(
            base=str(_folder(base) or base),
            called=_identity(base, training.revision),
            training=training,
            seed=seed,
            rows=file,
            work=work,
            out=self.folder / key,
            lock=self.folder / f".{key}.lock",
            every=self.every or (_EVERY_ON_GPU if self.on_gpu else _EVERY_ON_CPU),
            device=self.device,
        )
        temporary = beside(work / "spec.json")
        spec.write(temporary)
        temporary.replace(work / "spec.json")
        return spec

    def _at_once(self, trainings: int) -> int:
        """As many as there are cores; one has all the GPUs."""
        if self.on_gpu:
            return 1
        return max(1, min(self.workers or len(os.sched_getaffinity(0)), trainings))


def _handed_out(student: Path) -> Trained:
    """What came of a training that is there; it counts as young from now on."""
    with suppress(PermissionError):  # in a shared folder it may be another's
        os.utime(student / RECORD)
    return record(student)


def software() -> str:
    """The trainer with its version and those of the packages beneath it; nothing is imported."""
    try:
        return ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    except PackageNotFoundError as error:
        raise BadInput(f"{error.name} is not installed: pip install ot-assets") from None


def _peft() -> str:
    try:
        return version("peft")
    except PackageNotFoundError:
        raise BadInput("student: lora needs PEFT: pip install ot-assets[lora]") from None


def _folder(base: str) -> Path | None:
    """The folder of the base; None for a name on the Hub. BadInput: it is not there."""
    if not is_folder(base):
        return None
    folder = STUDENT_FOLDER if base == EMBEDDED else Path(base)
    if not folder.is_dir():
        raise BadInput(f"student: base {base}: no such folder; it holds a model in transformers' format")
    return folder.resolve()


def _identity(base: str, revision: str = "") -> str:
    """The base with the hash of its weights, or by its name on the Hub, with the commit where that is said."""
    if not base:
        raise BadInput("student: say which base is trained: `base` of the student, or OT_STUDENT")
    folder = _folder(base)
    if folder is None:
        return f"{base}@{revision}" if revision else base
    # Nobody's folder is taken for the project's own by its name.
    called = f"embedded:{folder.name}" if base == EMBEDDED else folder.name.replace(":", "_")
    return f"{called}@{folder_hash(folder)[:12]}"


def _counted(rows: Rows) -> tuple[str, int]:
    """The hash of the rows in their order, and how many they are; BadInput: none."""
    digest, count = hashlib.sha256(), 0
    for line in lines(rows()):
        digest.update(line.encode())
        count += 1
    if not count:
        raise BadInput("student: no rows to learn from")
    return digest.hexdigest(), count
