"""An engine on an event loop in a thread of its own, as a run has it, asked from a test."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ot_resources.generators.engine import Completion, Engine, request_key, request_seed
from ot_resources.interfaces import Request
from tests.engines.rule_engine import ask


class Running:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, Any], seconds: float = 900.0) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def answers(self, requests: Sequence[Request]) -> list[Completion]:
        return self.wait(self._all(requests))

    def outcomes(self, requests: Sequence[Request], then: Callable[[], None]) -> list[Completion | BaseException]:
        """What becomes of requests when `then` happens while they are being answered."""
        return self.wait(self._during(requests, then))

    def starts_again(self, question: str) -> None:
        """After its processes were killed: it is stopped and started, answers, and ends without leaving any."""
        self.wait(self.engine.start())
        assert self.answers([ask(question, temperature=0.0)])[0].text
        again = engine_cores()
        self.wait(self.engine.stop())
        assert again
        assert gone(again)

    async def _all(self, requests: Sequence[Request]) -> list[Completion]:
        return await asyncio.gather(*map(self._one, requests))

    async def _during(self, requests: Sequence[Request], then: Callable[[], None]) -> list[Completion | BaseException]:
        tasks = [asyncio.create_task(self._one(request)) for request in requests]
        await asyncio.sleep(0.3)
        then()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, request: Request) -> Completion:
        return await self.engine.answer(request, request_seed(request_key(self.engine.model, request)))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def running(engine: Engine) -> Iterator[Running]:
    """Started at its beginning, stopped at its end."""
    on = Running(engine)
    try:
        on.wait(engine.start())
        yield on
        on.wait(engine.stop())
    finally:
        on.close()


def engine_cores() -> set[int]:
    """Processes of vLLM's on this machine that were started, by whatever way, by this one."""
    return {pid for pid in _descendants(os.getpid()) if "VLLM::" in _called(pid)}


def gone(pids: set[int], seconds: float = 20.0) -> bool:
    """Whether none of the processes is there after so long; one that nobody has buried is not."""
    for _ in range(1 + int(seconds / 0.1)):
        if not any(_lives(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, tasks.read_text().split()):
            found |= {child} | _descendants(child)
    return found


def _called(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
