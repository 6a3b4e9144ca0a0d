"""What an engine is to the ledger in front of it: one completion a request, many at the same time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

from ot_resources.digest import canonical_json
from ot_resources.interfaces import FinishReason, Message, Request


@dataclass(frozen=True)
class Completion:
    """What an engine answered. `error` is set where it could not; `final` says that asking again would not help."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    error: str | None = None
    final: bool = False


def refused(error: str, prompt_tokens: int = 0, completion_tokens: int = 0) -> Completion:
    """The completion of a request that cannot be answered, however often it is asked."""
    return Completion("", FinishReason.ERROR, prompt_tokens, completion_tokens, error, final=True)


class Throttled(Exception):
    """The endpoint asks for fewer requests. `after` is how many seconds it wants to be left alone, if it said so."""

    def __init__(self, said: str, after: float | None = None) -> None:
        super().__init__(said)
        self.after = after


class TryAgain(Exception):
    """This request was not answered, and another try may do better. The message is one line."""


class Unreachable(TryAgain):
    """Nobody answers at all: that is no fault of the request's."""


class TimedOut(TryAgain):
    """No answer in time; with fewer requests at once there may be one."""


class EngineDied(Exception):
    """The engine answers nobody any more; `stop` and `start` may bring it back. The message is one line."""


class Engine(Protocol):
    """Answers requests, up to `concurrency` of them at the same time, all on one event loop.

    `model` names weights, tokenizer and chat template by their content or revision, and what else decides the answers;
    it is known without loading anything. `name` is the software that answers, as it is recorded with each response.
    """

    concurrency: int

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    async def start(self) -> None:
        """Load the model, start the server or reach the endpoint. BadInput: it cannot be had, in one line."""
        ...

    async def answer(self, request: Request, seed: int) -> Completion:
        """The completion of one request; where the engine can, it samples with `seed` alone.

        What cannot be answered by anybody is a completion with an `error` (`refused`). Throttled, TryAgain, EngineDied:
        see there. BadInput: nothing can be answered like this (no such model, no right to it).
        """
        ...

    async def stop(self) -> None:
        """Let go of the model and its memory. `start` may follow."""
        ...


@dataclass(frozen=True)
class Options:
    """How a model is run. An engine reads what concerns it.

    `context` is the most tokens of prompt and completion together, None what the model was made for; `memory` the share
    of the GPU's memory; `timeout` the seconds that one request may take; `seeds` sends each request a seed of its own.
    """

    revision: str | None = None
    dtype: str = "auto"
    context: int | None = None
    tensor_parallel: int = 1
    quantization: str | None = None
    lora: str | None = None
    memory: float = 0.9
    concurrency: int | None = None
    timeout: float = 1800.0
    seeds: bool = False


def request_key(model: str, request: Request) -> str:
    """The name of a response: what was really asked, and nothing of why or by whom."""
    sampling = {name: value for name, value in vars(request.sampling).items() if name in _ALWAYS or value}
    asked = {"model": model, "messages": spelled(request.messages), "sampling": sampling, "sample": request.sample}
    return hashlib.sha256(canonical_json(asked).encode()).hexdigest()[:32]


# What came later is spelled only where it is there, so that older requests keep their names.
_ALWAYS = ("temperature", "top_p", "max_tokens", "stop")


def spelled(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Messages as chat templates and endpoints take them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def request_seed(key: str) -> int:
    """A seed of the request's own, so that its answer does not depend on its neighbours."""
    return int(key[:15], 16)
