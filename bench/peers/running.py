"""Starts the endpoint and its clients, each peer in an environment of its own, and counts what was asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NAMES = {"curator": "Curator 0.1.31", "distilabel": "distilabel 1.5.3"}
# Telemetry off; nothing is fetched; Curator's tokenizer is the copy that litellm brings, as it is downloaded otherwise.
_ENVIRONMENT = {
    "TELEMETRY_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_API_KEY": "none",
    "NO_PROXY": "127.0.0.1",
}
_TOKENIZERS = "lib/python{}.{}/site-packages/litellm/litellm_core_utils/tokenizers"
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Asked:
    """One line of the endpoint's log; times in seconds since the epoch."""

    asked: float
    answered: float
    key: str
    n: int
    status: int


@dataclass
class Server:
    """A running endpoint. `url` ends in /v1."""

    url: str
    log: Path

    def lines(self, since: float = 0.0) -> list[Asked]:
        """What was asked after `since`; a line that is being written is left out."""
        whole = self.log.read_text().rpartition("\n")[0].splitlines()
        found = [Asked(**json.loads(line)) for line in whole]
        return [line for line in found if line.asked > since]

    def answers(self) -> int:
        return self.log.read_bytes().count(b"\n")


@dataclass
class Run:
    """How a client's process ended. `code` is None where it was cut off; `said` is the last line of its output."""

    code: int | None
    started: float
    seconds: float
    peak_mb: float
    said: str

    @property
    def summary(self) -> dict[str, Any]:
        """What a peer's script says at its end; empty where it did not get there."""
        with suppress(ValueError):
            told = json.loads(self.said)
            return told if isinstance(told, dict) else {}
        return {}


@contextmanager
def serving(log: Path, delay: float, fail: str = "", port: int = 0) -> Iterator[Server]:
    """The endpoint in a process of its own."""
    command = [sys.executable, "-m", "bench.peers.endpoint", "--log", str(log), "--delay", str(delay)]
    log.touch()
    with subprocess.Popen(
        [*command, "--fail", fail, "--port", str(port)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}/v1", log)
        finally:
            process.kill()


def questions(file: Path, rows: int, first: int = 1, mark: str = "") -> Path:
    """Distinct one-line questions, numbered from `first`; every hundredth ends in `mark`."""
    texts = (
        f"Question {number}: how much is {number} plus {number * 7 % 1000}?{mark * (number % 100 == 0)}"
        for number in range(first, first + rows)
    )
    file.write_text("".join(json.dumps({"question": text}) + "\n" for text in texts))
    return file


def peer(name: str) -> tuple[Path | None, str]:
    """The peer's python, made on first use in .venv/peers; or None and why it could not be made."""
    folder = PROJECT / ".venv" / "peers" / name
    ready, python = folder / "ready", folder / "bin" / "python"
    if ready.exists():
        return python, ""
    print(f"installing {NAMES.get(name, name)} in {folder} (once; a minute or two) ...", file=sys.stderr, flush=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "--requirement", str(HERE / f"{name}.txt")]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
            return None, f"{NAMES.get(name, name)} could not be installed: {lines[-1][:200]}"
    ready.touch()
    return python, ""


def peer_environment(python: Path, scratch: Path) -> dict[str, str]:
    """What a peer runs with, its caches and its home below `scratch`."""
    tokenizers = python.parents[1] / _TOKENIZERS.format(*sys.version_info[:2])
    places = {"TIKTOKEN_CACHE_DIR": str(tokenizers), "HF_HOME": str(scratch / "hf"), "HOME": str(scratch)}
    return _ENVIRONMENT | places


def run(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    server: Server,
    quiet: float = 300.0,
    kill_at: int | None = None,
) -> Run:
    """A client to its end, its output below `folder`.

    It is killed (-9) with its children as soon as `server` has answered `kill_at` requests in all, or has answered none
    for `quiet` seconds.
    """
    output = folder / "output.txt"
    started, before = time.time(), time.perf_counter()
    with output.open("w") as file:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=os.environ | environment, stdout=file, stderr=subprocess.STDOUT, text=True
        )
    peak, code, looked, size, news = 0.0, None, 0.0, 0, 0.0
    while (code := process.poll()) is None:
        passed = time.perf_counter() - before
        if (now := server.log.stat().st_size) > size:
            size, news = now, passed
        if passed - news > quiet or (kill_at is not None and server.answers() >= kill_at):
            break
        if passed - looked > 0.1:
            peak, looked = max(peak, sum(_resident(pid) for pid in _tree(process.pid)) / 1e6), passed
        time.sleep(0.01)
    took = time.perf_counter() - before
    if code is None:
        for pid in _tree(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    said = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    return Run(code, started, took, peak, said[-1] if said else "")


def _tree(pid: int) -> list[int]:
    """A process and all below it, parents first."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _tree(int(child))
    return found


def _resident(pid: int) -> int:
    """Bytes of resident memory; pages that processes share are counted for each."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
