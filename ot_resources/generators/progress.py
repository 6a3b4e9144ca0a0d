"""How a stage that asks a model is getting on, in one line now and then."""

from __future__ import annotations

import logging
import time
from collections import deque

from ot_resources.generators.usage import Usage

log = logging.getLogger("ot.ledger")
# The line that is overtaken by the next: a terminal shows the last one only.
live = logging.getLogger("ot.progress")

_LIVE_SECONDS = 1.0
_SECONDS = 15.0
_RECENT_SECONDS = 60.0


class Progress:
    """Tells of one stage: the first line after some seconds, the last when it is done."""

    def __init__(self, asset: str) -> None:
        self._asset = asset
        self._told = self._shown = self._started = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque([(self._started, 0)])

    def tell(self, usage: Usage, flying: int | None, expected: int | None) -> None:
        """A word on how it goes, unless there was one just now. `flying` is with the engine, None while it loads."""
        now = time.monotonic()
        if now - self._shown < _LIVE_SECONDS:
            return
        self._shown = now
        self._recent.append((now, usage.answered))
        while now - self._recent[0][0] > _RECENT_SECONDS and len(self._recent) > 2:
            self._recent.popleft()
        line = self._line(usage, flying, expected, now)
        live.info("%s", line)
        if now - self._told >= _SECONDS:
            self._told = now
            log.info("%s", line)

    def done(self, usage: Usage) -> None:
        """What came of it."""
        rate = f", {usage.tokens_per_second:,.0f} tokens/s" if usage.answered else ""
        failed = f", {usage.failed:,} failed ({_reasons(usage)})" if usage.failed else ""
        pending = f", {usage.pending:,} not asked: the budget is spent" if usage.pending else ""
        money = f", {usage.money:,.4g} spent" if usage.price.known and usage.answered else ""
        log.info(
            "%s: %s requests: %s reused, %s answered%s%s%s%s",
            self._asset,
            f"{usage.requested:,}",
            f"{usage.reused:,}",
            f"{usage.answered:,}",
            failed,
            pending,
            rate,
            money,
        )

    def _line(self, usage: Usage, flying: int | None, expected: int | None, now: float) -> str:
        total = f"/{expected:,}" if expected else ""
        if flying is None:
            return f"{self._asset}: {usage.done:,}{total} done, loading the model"
        waited = usage.waited or 1.0
        parts = [
            f"{self._asset}: {usage.done:,}{total} done",
            f"{usage.prompt_tokens / waited:,.0f} tokens/s in, {usage.completion_tokens / waited:,.0f} out",
            f"{flying:,} in flight",
        ]
        if usage.failed:
            parts.append(f"{usage.failed:,} failed ({_reasons(usage)})")
        left = max(0, (expected or 0) - usage.done)
        if left and (eta := self._eta(usage, left, now)):
            parts.append(f"{eta} to go")
        if usage.price.known and usage.answered:
            projected = usage.money * (1 + left / usage.answered)
            parts.append(f"{usage.money:,.4g} spent" + (f" of about {projected:,.4g}" if left else ""))
        return ", ".join(parts)

    def _eta(self, usage: Usage, left: int, now: float) -> str:
        """From the faster of the last minute and the whole time to the slower, with a tenth to either side."""
        then, answered = self._recent[0]
        rates = [usage.answered / usage.waited if usage.waited else 0.0]
        if now > then:
            rates.append((usage.answered - answered) / (now - then))
        rates = [rate for rate in rates if rate > 0]
        return f"{_time(0.9 * left / max(rates))} to {_time(1.1 * left / min(rates))}" if rates else ""


def _reasons(usage: Usage) -> str:
    return "; ".join(f"{count:,} {reason}" for reason, count in usage.reasons.most_common(2))


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
