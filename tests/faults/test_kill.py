"""A run that is killed (SIGKILL) at any moment: the same command goes on from there, loses nothing, asks nothing twice.

OT_KILLS says how many times, OT_SEED which moments: it is printed, and decides all of them.
"""

from __future__ import annotations

import os
import random
import signal
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from ot_resources.generators.embedded import BATCH
from ot_resources.generators.ledger import Ledger
from ot_resources.warehouse import Warehouse
from tests.faults.moments import STEPS, Moment
from tests.faults.samples import KEYS, dataset, stored, write_asking
from tests.faults.trial import CONCURRENCY, Trial, start

KILLS = int(os.environ.get("OT_KILLS", "8"))
SEED = os.environ.get("OT_SEED") or str(random.randrange(10**9))
# Each kind of step in turn, and any time at all in between.
KINDS = [kind for kind, _ in zip(cycle([*STEPS[:3], "time", *STEPS[3:], "time"]), range(KILLS), strict=False)]
# A run that is faster than the undisturbed one may be over before the moment comes; then another of its own is drawn.
ATTEMPTS = 5


@dataclass(frozen=True)
class Undisturbed:
    """The recipe, and a run of it that nothing happened to."""

    recipe: Path
    trial: Trial
    dataset: str
    keys: set[str]


def moment_of(trial: Trial, kind: str, draw: random.Random) -> Moment:
    """A moment of a run that came to its end."""
    if kind == "time":
        return Moment(kind, draw.uniform(0, trial.seconds))
    return Moment(kind, draw.randint(1, trial.steps[kind]), draw.choice(["before", "half", "after"]))


@pytest.fixture(scope="module")
def undisturbed(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    file = write_asking(folder / "recipe")
    trial = start(folder / "data", folder / "trial", "materialize", str(file))
    assert trial.end() == 0, trial.said
    assert set(trial.steps) == set(STEPS)
    keys = set(trial.asked)
    assert len(keys) == len(trial.asked) == KEYS
    return Undisturbed(file, trial, dataset(folder / "data"), keys)


def leftovers(data: Path) -> list[str]:
    """What a killed process had begun and nobody finished or removed."""
    names = [path.relative_to(data) for path in data.rglob("*") if path.relative_to(data).parts[0] != "dagster"]
    hidden = [name for name in names if any(part.startswith(".") for part in name.parts)]
    kept = [name for name in hidden if name.name in (".drafts", ".keys") or name.parent.name == ".keys"]
    return [str(name) for name in hidden if name not in kept or name.name.count(".") > 1]


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_goes_on_where_it_was(
    number: int, undisturbed: Undisturbed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if number == 0:
        with capsys.disabled():
            print(f"\n{KILLS} kills, OT_SEED={SEED}", flush=True)
    draw, command = random.Random(f"{SEED} {number}"), ("materialize", str(undisturbed.recipe))
    killed = undisturbed.trial
    for attempt in range(ATTEMPTS):
        moment, data = moment_of(killed, KINDS[number], draw), tmp_path / f"data-{attempt}"
        print(f"OT_SEED={SEED} OT_KILLS={KILLS}: {moment}")
        killed = start(data, tmp_path / f"killed-{attempt}", *command, moment=moment)
        if killed.end() != 0:
            break
    assert killed.end() == -signal.SIGKILL, killed.said
    kept = stored(data)
    assert len(kept) == len(set(kept))
    # What was answered is on disk at once: all but the batch that is being written.
    assert len(set(killed.answered) - set(kept)) <= BATCH

    resumed = start(data, tmp_path / "resumed", *command)
    assert resumed.end() == 0, resumed.said
    assert len(resumed.asked) == len(set(resumed.asked))
    assert set(resumed.asked) == undisturbed.keys - set(kept)
    assert len(set(killed.asked) & set(resumed.asked)) <= CONCURRENCY + BATCH
    assert sorted(stored(data)) == sorted(undisturbed.keys)
    assert dataset(data) == undisturbed.dataset
    with closing(Ledger(data / "ledger")) as ledger:
        damages = list(ledger.damages())
    assert all(damage.offset + damage.length == damage.segment.stat().st_size for damage in damages)
    assert len(damages) <= (moment.when == "half" or moment.kind == "time")
    with Warehouse(root=str(data)).connect(ledger=True) as tables:
        found = tables.sql("select response_id from ledger.responses").fetchall()
    assert sorted(key for (key,) in found) == sorted(undisturbed.keys)
    assert leftovers(data) == []
