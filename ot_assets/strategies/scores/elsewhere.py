"""Results of other evaluators, read as scores: evalchemy's, lighteval's, and a plain form of our own.

evalchemy (mlfoundations/evalchemy, `results_*.json`): `results` by task with `run_stats`, one entry a repeat of
`num_total` and `accuracy`; without repeats `accuracy` (or `accuracy_avg`) and `num_total`.
lighteval (huggingface/lighteval, `results_*.json`): `config_general.model_name`, and `results` by `suite|task|fewshots`
with a metric and its `_stderr`; how many questions there were stands in `config_tasks`, else the error tells it.
Ours: `{"student": "...", "scores": {"aime24": [{"right": 0.5, "n": 30}, ...]}}`, one entry a repeat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ot_resources.interfaces import BadInput

# Tasks of either, in small letters and without marks, by the benchmark's id here.
TASKS = {
    "aime24": "aime24",
    "aime25": "aime25",
    "amc23": "amc23",
    "math500": "math500",
    "hmmt": "hmmt_feb25",
    "hmmtfeb25": "hmmt_feb25",
    "gpqadiamond": "gpqa_diamond",
    "jeebench": "jeebench",
    "codeelo": "codeelo",
    "codeforces": "codeforces",
    "livecodebench": "lcb_2305_2405",
    "livecodebenchv2": "lcb_2305_2405",
    "livecodebenchv5": "livecodebench_v5",
    "livecodebenchv5official": "lcb_2406_2501",
    "hle": "hle_mcq",
}
# One answer a question, by whatever name.
_METRIC = re.compile(r"extractive_match|accuracy|acc|em|(\w+_)?pass@1(:\w+)?|(\w+_)?pass@k:k=1(&n=\d+)?")


@dataclass(frozen=True)
class Measured:
    """One repeat of a benchmark: the share of `n` questions that were answered rightly."""

    task: str
    benchmark: str
    repeat: int
    right: float
    n: int


@dataclass(frozen=True)
class Results:
    """What a file holds, and what it calls the model; None where it does not say."""

    model: str | None
    measured: tuple[Measured, ...]


def read(text: str, where: str, ids: frozenset[str] = frozenset()) -> Results:
    """The scores in a file. `ids` are benchmarks that go by their own name. BadInput: nothing of the three forms."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{where}: not JSON ({error})") from None
    if isinstance(raw, dict) and isinstance(raw.get("scores"), dict):
        found, model = _own(raw["scores"], where), raw.get("student")
    elif isinstance(raw, dict) and isinstance(raw.get("results"), dict):
        lighteval = "config_general" in raw and any("|" in task for task in raw["results"])
        found = (_lighteval if lighteval else _evalchemy)(raw, where)
        model = _model(raw)
    else:
        raise BadInput(f"{where}: no results of evalchemy or lighteval, and not {{student: ..., scores: {{...}}}}")
    made = [
        Measured(task, benchmark_of(task, ids), repeat, _share(right, where, task), n)
        for task, repeat, right, n in found
    ]
    if not made:
        raise BadInput(f"{where}: no scores in it")
    return Results(model if isinstance(model, str) else None, tuple(made))


def benchmark_of(task: str, ids: frozenset[str] = frozenset()) -> str:
    """The id of the benchmark that a task is, or the task's own name."""
    if task in ids:
        return task
    plain = re.sub(r"[^a-z0-9]", "", task.lower())
    return TASKS.get(plain, task)


def _own(scores: dict[str, Any], where: str) -> Iterator[tuple[str, int, Any, int]]:
    for task, repeats in scores.items():
        for repeat, entry in enumerate(repeats if isinstance(repeats, list) else [repeats]):
            if not isinstance(entry, dict) or not {"right", "n"} <= set(entry):
                raise BadInput(f"{where}: {task}: a list of {{right: share, n: questions}}, one a repeat")
            yield task, repeat, entry["right"], _count(entry["n"], where, task)


def _evalchemy(raw: dict[str, Any], where: str) -> Iterator[tuple[str, int, Any, int]]:
    for task, told in raw["results"].items():
        if not isinstance(told, dict):
            continue
        runs = told.get("run_stats") or [told]
        for repeat, run in enumerate(runs):
            right = next((run[name] for name in ("accuracy", "accuracy_avg") if name in run), None)
            if right is None:
                raise BadInput(f"{where}: {task} has no accuracy; it has: {', '.join(sorted(map(str, run))[:8])}")
            yield task, repeat, right, _count(run.get("num_total", told.get("num_total")), where, task)


def _lighteval(raw: dict[str, Any], where: str) -> Iterator[tuple[str, int, Any, int]]:
    for key, told in raw["results"].items():
        if key == "all" or "|" not in key or not isinstance(told, dict):
            continue
        task = key.split("|")[1]
        metric = next((name for name in told if _METRIC.fullmatch(name)), None)
        if metric is None:
            raise BadInput(f"{where}: {key} has no score of one answer a question; it has: {', '.join(sorted(told))}")
        right, error = told[metric], told.get(f"{metric}_stderr")
        config = raw.get("config_tasks", {}).get(key.rpartition("|")[0], {})
        n = config.get("effective_num_docs") if isinstance(config, dict) else None
        if (not isinstance(n, int) or n < 1) and error and 0 < right < 1:
            # The sample's standard error of a share: sqrt(p (1 - p) / (n - 1)).
            n = round(right * (1 - right) / error**2) + 1
        yield task, 0, right, _count(n, where, key)


def _model(raw: dict[str, Any]) -> str | None:
    general, config = raw.get("config_general") or {}, raw.get("config") or {}
    if general.get("model_name"):
        return str(general["model_name"])
    arguments = config.get("model_args")
    told = (
        dict(part.split("=", 1) for part in arguments.split(",") if "=" in part) if isinstance(arguments, str) else {}
    )
    return told.get("pretrained") or told.get("model") or raw.get("model_name")


def _share(value: Any, where: str, task: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadInput(f"{where}: {task}: {str(value)[:40]} is no share between 0 and 1")
    return float(value)


def _count(value: Any, where: str, task: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"{where}: {task}: does not say how many questions there were")
    return value
