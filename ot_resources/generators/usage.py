"""What a stage has asked, what came of it, and what it cost."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ot_resources.generators.engine import Completion
from ot_resources.interfaces import FinishReason

_REASON_CHARS = 80
_REASONS, _OTHER = 20, "other reasons"
# Not a status, nor a part of an address.
_COUNT = re.compile(r"(?<![(:./\w])\d{3,}\b(?![.:)])")


@dataclass(frozen=True)
class Price:
    """What answers cost, in any currency: a million tokens read, a million written, an hour of the engine."""

    input: float = 0.0
    output: float = 0.0
    hour: float = 0.0

    def of(self, prompt_tokens: float, completion_tokens: float, seconds: float) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6 + seconds * self.hour / 3600

    @property
    def known(self) -> bool:
        return bool(self.input or self.output or self.hour)


FREE = Price()


@dataclass
class Usage:
    """requested = reused + answered + failed + pending once a stage is done.

    `reused` came from the ledger, `answered` was asked now; tokens, and `seconds` that the engine was there for the
    stage, are of what was asked now. `pending` was not asked because a budget was spent. `transient` counts the
    failures that another try may mend: a stage that met one, or left something pending, is run again next time.
    `reasons` tells failures apart. What is `handed_out`, with its tokens, came from either: it is what the table cost,
    whoever paid for it.
    """

    requested: int = 0
    reused: int = 0
    answered: int = 0
    failed: int = 0
    pending: int = 0
    transient: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    price: Price = FREE
    handed_out: int = 0
    handed_prompt_tokens: int = 0
    handed_completion_tokens: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        # Answers that came in, stored or not yet.
        self.landed = 0
        self._since: float | None = None

    @property
    def partial(self) -> bool:
        """Whether another run would have more."""
        return bool(self.transient or self.pending)

    @property
    def waited(self) -> float:
        """Seconds that the engine was there for this stage, up to now."""
        return self.seconds + (time.monotonic() - self._since if self._since else 0.0)

    @property
    def tokens_per_second(self) -> float:
        """Completion tokens newly generated, per second of waiting for the engine."""
        return self.completion_tokens / self.waited if self.waited else 0.0

    @property
    def money(self) -> float:
        return self.price.of(self.prompt_tokens, self.completion_tokens, self.waited)

    @property
    def done(self) -> int:
        return self.reused + self.answered + self.failed + self.pending

    def count_reused(self, requests: int) -> None:
        with self._lock:
            self.reused += requests

    def count(self, completion: Completion) -> None:
        """Count what is stored or has failed; what an endpoint held back was paid for, and counts as answered."""
        with self._lock:
            if completion.finish_reason == FinishReason.PENDING:
                self.pending += 1
            elif completion.finish_reason == FinishReason.ERROR:
                self.failed += 1
                self.transient += not completion.final
                reason = _reason(completion.error or "no reason given")
                self.reasons[reason if reason in self.reasons or len(self.reasons) < _REASONS else _OTHER] += 1
            else:
                self.answered += 1

    def spend(self, completion: Completion) -> None:
        """Count the tokens of what came in, before it is stored."""
        with self._lock:
            self.landed += completion.completion_tokens > 0
            self.prompt_tokens += completion.prompt_tokens
            self.completion_tokens += completion.completion_tokens

    def count_again(self, completion: Completion) -> None:
        """Count a request that came twice in one stream: it was not asked for this."""
        if completion.finish_reason in (FinishReason.ERROR, FinishReason.PENDING):
            self.count(completion)
        else:
            self.count_reused(1)

    def hand_out(self, completion: Completion) -> None:
        """Count what a stage got, each answer once."""
        if completion.finish_reason not in (FinishReason.ERROR, FinishReason.PENDING):
            self.handed_out += 1
            self.handed_prompt_tokens += completion.prompt_tokens
            self.handed_completion_tokens += completion.completion_tokens

    def start_waiting(self, since: float) -> None:
        """The engine has been there since then (monotonic seconds)."""
        self._since = self._since or since

    def stop_waiting(self) -> None:
        self.seconds, self._since = self.waited, None

    def add(self, other: Usage) -> None:
        """Take another stream's counts on."""
        for name in (*_COUNTS, "handed_out", "handed_prompt_tokens", "handed_completion_tokens"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        if other.price.known:
            self.price = other.price

    def cost(self) -> dict[str, Any]:
        """What was got: requests, their tokens, and money: all tokens at the model's price, the hours that it took.

        What hours the engine had for answers that were there already nobody knows: then money is None.
        """
        read, written = self.handed_prompt_tokens, self.handed_completion_tokens
        told = {"requests": self.handed_out, "prompt_tokens": read, "completion_tokens": written}
        known = not (self.price.hour and self.reused)
        return told | {"money": round(self.price.of(read, written, self.waited), 6) if known else None}

    def as_dict(self) -> dict[str, Any]:
        """The account, as JSON has it."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        seconds = {"seconds": round(self.waited, 3), "money": round(self.money, 6)}
        return counts | seconds | {"reasons": dict(self.reasons)}


def _reason(error: str) -> str:
    """What failures have in common: counts differ from one to the next."""
    return _COUNT.sub("N", error)[:_REASON_CHARS]


_COUNTS = (
    *("requested", "reused", "answered", "failed", "pending", "transient"),
    *("prompt_tokens", "completion_tokens", "seconds"),
)
