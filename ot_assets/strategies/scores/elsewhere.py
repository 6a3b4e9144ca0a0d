"""Results of other evaluators, read as scores: evalchemy's, lighteval's, and a plain form of our own.

evalchemy (mlfoundations/evalchemy, `results_*.json`): `results` by task with `run_stats`, one entry a repeat of
`num_total` and `accuracy`; without repeats `accuracy` (or `accuracy_avg`) and `num_total`.
lighteval (huggingface/lighteval, `results_*.json`): `config_general.model_name`, and `results` by `suite|task|fewshots`
with a metric and its `_stderr`; how many questions there were stands in `config_tasks`, else the error tells it, but
at most as many as the benchmark has.
Ours: `{"student": "...", "scores": {"aime24": [{"right": 0.5, "n": 30}, ...]}}`, one entry a repeat.

A file comes from outside: what is not of these shapes is BadInput, whatever it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
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
# How many questions these have (recipes/catalogue/benchmarks.yaml): a score of more is none of theirs. Others have
# fewer than ten thousand; the study's table may be a stand-in with fewer.
QUESTIONS = {
    "aime24": 30,
    "aime25": 30,
    "math500": 500,
    "hmmt_feb25": 30,
    "lcb_2305_2405": 511,
}
MOST_QUESTIONS = 10_000
# Of ten thousand questions the smallest that is not zero is 1e-4.
_LEAST_ERROR = 1e-6
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


def decoded(raw: bytes, where: str) -> str:
    """A file's text. BadInput: it is not in UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{where}: not text in UTF-8 (byte {error.start + 1})") from None


def read(text: str, where: str, ids: Container[str] = ()) -> Results:
    """The scores in a file. `ids` are benchmarks that go by their own name.

    BadInput: none of the three forms, two tasks that are one benchmark, more questions than there are.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not JSON ({error})") from None
    if not isinstance(raw, dict):
        raw = {}
    if isinstance(raw.get("scores"), dict):
        found, model = _own(raw["scores"], where), raw.get("student")
    elif isinstance(raw.get("results"), dict):
        lighteval = "config_general" in raw and any("|" in task for task in raw["results"])
        found = (_lighteval if lighteval else _evalchemy)(raw, where)
        model = _model(raw, where)
    else:
        raise BadInput(f"{where}: no results of evalchemy or lighteval, and not {{student: ..., scores: {{...}}}}")
    made: list[Measured] = []
    keys: dict[str, str] = {}
    for one in found:
        if not one.key.isprintable():
            raise BadInput(f"{where}: a task's name is no text: {ascii(one.key)[:40]}")
        benchmark = benchmark_of(one.task, ids)
        most = QUESTIONS.get(benchmark, MOST_QUESTIONS)
        if keys.setdefault(benchmark, one.key) != one.key:
            raise BadInput(f"{where}: {_shown(keys[benchmark])} and {_shown(one.key)} are both {benchmark}; leave one")
        right = _share(one.right, where, one.key)
        n = min(one.n, most) if one.guessed and one.n else _count(one.n, where, one.key, most)
        made.append(Measured(one.task, benchmark, one.repeat, right, n))
    if not made:
        raise BadInput(f"{where}: no scores in it")
    return Results(model if isinstance(model, str) else None, tuple(made))


def benchmark_of(task: str, ids: Container[str] = ()) -> str:
    """The id of the benchmark that a task is, or the task's own name."""
    if task in ids:
        return task
    plain = re.sub(r"[^a-z0-9]", "", task.lower())
    return TASKS.get(plain, task)


@dataclass(frozen=True)
class _Found:
    """One repeat as a file has it, unchecked; `key` is what the file calls the task.

    `guessed`: n was read off an error, which of several answers a question is smaller than n questions alone make it.
    """

    key: str
    task: str
    repeat: int
    right: Any
    n: Any
    guessed: bool = False


def _own(scores: dict[str, Any], where: str) -> Iterator[_Found]:
    for task, repeats in scores.items():
        for repeat, entry in enumerate(repeats if isinstance(repeats, list) else [repeats]):
            if not isinstance(entry, dict) or not {"right", "n"} <= set(entry):
                raise BadInput(f"{where}: {_shown(task)}: a list of {{right: share, n: questions}}, one a repeat")
            yield _Found(task, task, repeat, entry["right"], entry["n"])


def _evalchemy(raw: dict[str, Any], where: str) -> Iterator[_Found]:
    for task, told in raw["results"].items():
        if not isinstance(told, dict):
            continue
        runs = told.get("run_stats") or [told]
        if not isinstance(runs, list):
            raise BadInput(f"{where}: {_shown(task)}: run_stats is no list of repeats")
        for repeat, entry in enumerate(runs):
            run = _mapping(entry, where, f"{_shown(task)}: a repeat in run_stats")
            right = next((run[name] for name in ("accuracy", "accuracy_avg") if name in run), None)
            if right is None:
                raise BadInput(f"{where}: {_shown(task)} has no accuracy; it has: {_names(run)}")
            yield _Found(task, task, repeat, right, run.get("num_total", told.get("num_total")))


def _lighteval(raw: dict[str, Any], where: str) -> Iterator[_Found]:
    configs = _mapping(raw.get("config_tasks") or {}, where, "config_tasks")
    for key, told in raw["results"].items():
        if key == "all" or "|" not in key or not isinstance(told, dict):
            continue
        metric = next((name for name in told if _METRIC.fullmatch(name)), None)
        if metric is None:
            raise BadInput(f"{where}: {_shown(key)} has no score of one answer a question; it has: {_names(told)}")
        config = configs.get(key.rpartition("|")[0])
        n = config.get("effective_num_docs") if isinstance(config, dict) else None
        guessed = not isinstance(n, int) or n < 1
        if guessed:
            n = _by_error(_share(told[metric], where, key), told.get(f"{metric}_stderr"), where, key)
        yield _Found(key, key.split("|")[1], 0, told[metric], n, guessed)


def _by_error(right: float, error: Any, where: str, task: str) -> int | None:
    """How many questions a share is of, by the sample's standard error: sqrt(p (1 - p) / (n - 1)); None: no error."""
    if error is None or error == 0:
        return None
    if isinstance(error, bool) or not isinstance(error, int | float) or not _LEAST_ERROR <= error <= 1:
        raise BadInput(f"{where}: {_shown(task)}: {_shown(error)} is no standard error of a share")
    return round(right * (1 - right) / error**2) + 1 if 0 < right < 1 else None


def _model(raw: dict[str, Any], where: str) -> Any:
    general = _mapping(raw.get("config_general") or {}, where, "config_general")
    config = _mapping(raw.get("config") or {}, where, "config")
    if general.get("model_name"):
        return str(general["model_name"])
    arguments = config.get("model_args")
    told = (
        dict(part.split("=", 1) for part in arguments.split(",") if "=" in part) if isinstance(arguments, str) else {}
    )
    return told.get("pretrained") or told.get("model") or raw.get("model_name")


def _mapping(value: Any, where: str, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{where}: {what} is no JSON object")
    return value


def _share(value: Any, where: str, task: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadInput(f"{where}: {_shown(task)}: {_shown(value)} is no share between 0 and 1")
    return float(value)


def _count(value: Any, where: str, task: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"{where}: {_shown(task)}: does not say how many questions there were")
    if value > most:
        raise BadInput(f"{where}: {_shown(task)}: {_shown(value)} questions, of a benchmark of at most {most:,}")
    return value


def _names(told: dict[str, Any]) -> str:
    return ", ".join(_shown(name) for name in sorted(told)[:8])


def _shown(value: Any) -> str:
    """What a file says, as it may stand in a message."""
    return str(value)[:40].encode("utf-8", "replace").decode()
