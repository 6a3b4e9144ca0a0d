"""What an OpenAI-compatible endpoint replied: a completion, or why there is none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ot_resources.generators.engine import Completion, Throttled, TryAgain, refused
from ot_resources.generators.reasoning import split_reasoning
from ot_resources.interfaces import FinishReason, Sampling

# Finish reasons with which an endpoint says that it broke off on its own account.
_BROKEN_OFF = ("abort", "error")
_THROTTLED = (429, 503)
_LONGEST_MESSAGE = 400  # characters of an endpoint's own words
# How endpoints (vLLM old and new, SGLang, OpenAI, DeepSeek, Groq) say how many tokens there may be, and how many the
# prompt has.
_MOST = re.compile(
    r"(?:maximum context length (?:is|of)|max_model_len ?=|supports at most(?= \d+ completion)"
    r"|range of max_tokens is \[1,|max_tokens\W+must be less than or equal to)[ `]*(\d+)"
)
_PROMPT = re.compile(r"(\d+) (?:input tokens|in the messages|tokens from the input)")


def read_completion(raw: bytes, sampling: Sampling) -> tuple[str | None, Completion]:
    """The model that a reply with status 200 names, and the completion in it.

    Token counts are the endpoint's own, 0 where it gives none. Reasoning that it split off is put back in its tags;
    where the tokens ran out in the middle of it, the block stays open. TryAgain, Throttled: there is no completion.
    """
    reply = _object(raw)
    choice = _first_choice(reply)
    message = choice["message"]
    content = message.get("content")
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    if not isinstance(thought, str) or not isinstance(content, str | None):
        raise TryAgain("the endpoint's reply: its content is not text")
    usage = reply.get("usage")
    prompt_tokens, completion_tokens = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    finish = choice.get("finish_reason")
    if finish in _BROKEN_OFF:
        raise TryAgain(f"the endpoint broke the answer off (finish_reason {finish})")
    reason = FinishReason(finish) if finish in ("length", "content_filter") else FinishReason.STOP
    error = None
    if reason == FinishReason.CONTENT_FILTER:
        error = "the endpoint's content filter held the answer back"
    elif not content and message.get("refusal"):
        reason, error = FinishReason.CONTENT_FILTER, f"the model refused: {one_line(str(message['refusal']))}"
    elif not content and not thought and not completion_tokens and (content is None or isinstance(usage, dict)):
        raise TryAgain("the endpoint's reply: an answer of no tokens")
    elif reason == FinishReason.STOP and (broken := _broken(content or "", sampling)):
        return reply.get("model"), refused(
            f"the endpoint does not hold the model to {broken}", prompt_tokens, completion_tokens
        )
    text = content or ""
    if thought:
        text = f"<think>{thought}" if reason == FinishReason.LENGTH and not text else f"<think>{thought}</think>{text}"
    if not text.isascii() and not _encodes(text):
        raise TryAgain("the endpoint's reply: its content has half characters (lone surrogates)")
    return reply.get("model"), Completion(
        text, reason, prompt_tokens, completion_tokens, error, final=error is not None
    )


def throttled(status: int, said: str, headers: Mapping[str, str]) -> Throttled:
    """The endpoint's wish for fewer requests, with what `retry-after-ms` or Retry-After (seconds or a date) ask for."""
    return Throttled(f"the endpoint answered {status}: {said}", _seconds(headers))


def is_throttling(status: int) -> bool:
    return status in _THROTTLED


def said(raw: bytes) -> str:
    """What an endpoint says about an error, in one line: the message in its JSON, or the first line of its body."""
    text = raw[: 1 << 20].decode("utf-8", "replace")
    try:
        return _message(json.loads(text)) or "without a word"
    except (ValueError, RecursionError):
        return one_line(text) or "without a word"


def room(message: str, asked: int) -> tuple[int, int] | None:
    """(most completion tokens of any request, of this one), when `message` says that fewer than `asked` fit."""
    most = _MOST.search(message)
    if most is None:
        return None
    prompt = _PROMPT.search(message)
    fits = int(most[1]) - (int(prompt[1]) if prompt else 0)
    return (int(most[1]), fits) if 0 < fits < asked else None


def one_line(text: str) -> str:
    """The first line of what an endpoint says, without what steers a terminal or cannot be written."""
    lines = text.strip().splitlines()
    words = " ".join(lines[0].split())[:_LONGEST_MESSAGE] if lines else ""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in words)


def _object(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        raise TryAgain("the endpoint's reply is empty")
    try:
        reply = json.loads(raw)
    except (ValueError, RecursionError):
        raise TryAgain("the endpoint's reply is not JSON, or only its beginning") from None
    if not isinstance(reply, dict):
        raise TryAgain(f"the endpoint's reply is no JSON object: {one_line(str(reply))}")
    return reply


def _first_choice(reply: dict[str, Any]) -> dict[str, Any]:
    """The choice with its message; an error where a choice should be is raised."""
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = reply.get("error") or (choice.get("error") if isinstance(choice, dict) else None)
    if error:
        code = error.get("code") if isinstance(error, dict) else None
        message = _message({"error": error}) or "without a word"
        if str(code) in ("429", "rate_limit_exceeded"):
            raise Throttled(f"the endpoint answered 200 with error 429 inside: {message}")
        raise TryAgain(f"the endpoint answered 200 with an error inside: {message}")
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise TryAgain("the endpoint's reply: no choices in it")
    return choice


def _message(reply: Any) -> str:
    """The error's message, wherever the usual endpoints put it."""
    for name in ("error", "message", "detail"):
        if isinstance(reply, dict) and reply.get(name):
            reply = reply[name]
    return one_line(reply if isinstance(reply, str) else json.dumps(reply) if reply else "")


def _broken(content: str, sampling: Sampling) -> str | None:
    """What was asked of the answer's form and not kept. Thoughts that were left in front of it do not count."""
    if sampling.schema is None and not sampling.choice and sampling.regex is None:
        return None
    answers = (content, split_reasoning(content)[1])
    if sampling.schema is not None:
        return None if any(map(_is_json, answers)) else "its JSON schema: the answer is not JSON"
    if sampling.choice:
        return None if any(answer in sampling.choice for answer in answers) else "the choice that it was given"
    pattern = sampling.regex or ""
    return None if any(re.fullmatch(pattern, answer) for answer in answers) else f"the regex {pattern!r}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _count(usage: Any, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if type(count) is int and 0 < count < _MOST_TOKENS else 0


# No answer has so many; a count beyond it is none.
_MOST_TOKENS = 1 << 31


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _seconds(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        when = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    try:
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except OverflowError:
        return None
