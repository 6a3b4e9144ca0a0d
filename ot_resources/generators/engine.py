"""What an engine is to the ledger in front of it: completions, in whatever order they are ready."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from ot_resources.digest import canonical_json
from ot_resources.interfaces import FinishReason, Request


@dataclass(frozen=True)
class Completion:
    """What an engine answered. `error` is set where it could not; `final` says that asking again would not help."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    error: str | None = None
    final: bool = False


class Engine(Protocol):
    """Turns requests into completions.

    `model` names weights, tokenizer and chat template by their content or revision; `name` the software that ran them.
    """

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    def complete(self, requests: Sequence[Request], seeds: Sequence[int]) -> Iterator[tuple[int, Completion]]:
        """Yield (position, completion) as each is ready. Where it can, request i samples with seeds[i] alone."""
        ...


def request_key(model: str, request: Request) -> str:
    """The name of a response: what was really asked, and nothing of why or by whom."""
    asked = {"model": model} | asdict(request)
    if request.sampling.schema is None:  # what was asked before there were schemas keeps its name
        del asked["sampling"]["schema"]
    text = canonical_json(asked)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def request_seed(key: str) -> int:
    """A seed of the request's own, so that its answer does not depend on its neighbours."""
    return int(key[:15], 16)
