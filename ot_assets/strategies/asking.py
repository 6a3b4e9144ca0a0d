"""Ask a model for replies of a fixed form, one a row, and tell what could not be had."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Annotated, Any, Generic, TypeVar

import polars as pl
from pydantic import BaseModel, Field, ValidationError

from ot_resources.interfaces import FinishReason, Generator, Message, Request, Response, Sampling

Form = TypeVar("Form", bound=BaseModel)

# What a judge says before its verdict. A model that is held to the schema stops at this length; of one that is not, a
# longer reason is no error.
REASON_CHARS = 200
Reason = Annotated[str, Field(json_schema_extra={"maxLength": REASON_CHARS})]

_READ_ROWS = 256
_SHOWN_CHARS = 80
# What only names or explains a part of a schema, and would make a renamed class another request.
_WORDS = frozenset({"title", "description", "default", "examples"})


@dataclass(frozen=True)
class Reply(Generic[Form]):
    """What came of one row: `value`, or the one-line `error` that says why there is none."""

    value: Form | None
    error: str | None = None


def ask(
    generator: Generator,
    rows: pl.LazyFrame,
    columns: tuple[str, ...],
    messages: Callable[[dict[str, Any]], tuple[Message, ...] | str],
    form: type[Form],
    *,
    temperature: float,
    max_tokens: int,
) -> Iterator[Reply[Form]]:
    """Yield one reply a row, in the order of `rows`, which go to the generator as one stream.

    `messages` makes the request of a row from its `columns`; where it returns a text instead, the row is not asked and
    the text is its error. `form` says what the reply must be, see `ask_each`. Only rows in flight are held.
    """

    def asked() -> Iterator[tuple[tuple[Message, ...] | str, type[Form]]]:
        for batch in rows.select(columns).collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
            for row in batch.iter_rows(named=True):
                yield messages(row), form

    return ask_each(generator, asked(), temperature=temperature, max_tokens=max_tokens)


def ask_each(
    generator: Generator,
    asked: Iterable[tuple[tuple[Message, ...] | str, type[Form]]],
    *,
    temperature: float,
    max_tokens: int,
) -> Iterator[Reply[Form]]:
    """Yield one reply for each (messages, form) of `asked`, in order, as one stream to the generator.

    A form's JSON schema goes along with its request, and the reply (what follows the reasoning, where there is any) is
    validated with it, strictly. A reply that is cut off or is not of the form is an error; nothing is guessed. A
    text in place of the messages is not asked: it is the error.

    RuntimeError: the generator gave fewer or more replies than were asked for.
    """
    # Of everything without a reply yet: its form, or the error of what is not asked.
    waiting: deque[type[Form] | str] = deque()

    def requests() -> Iterator[Request]:
        for messages, form in asked:
            waiting.append(messages if isinstance(messages, str) else form)
            if not isinstance(messages, str):
                yield Request(messages, Sampling(temperature, max_tokens=max_tokens, schema=schema_of(form)))

    for response in generator.generate(requests()):
        yield from _not_asked(waiting)
        form = waiting.popleft() if waiting else ""
        if isinstance(form, str):
            raise RuntimeError(f"the judge {generator.model} gave more replies than it was asked for")
        yield _read(response, form)
    yield from _not_asked(waiting)
    if waiting:
        missing = sum(not isinstance(form, str) for form in waiting)
        raise RuntimeError(f"the judge {generator.model} stopped with {missing} requests unanswered")


def beside(
    rows: pl.LazyFrame, replies: Iterator[Reply[Form]], batch_rows: int = _READ_ROWS
) -> Iterator[tuple[pl.DataFrame, list[Reply[Form]]]]:
    """Read `rows` again, in batches, each with its replies. There is at least one batch, which may be empty."""
    yield pl.DataFrame(schema=rows.collect_schema()), []
    for batch in rows.collect_batches(chunk_size=batch_rows, maintain_order=True, lazy=True):
        yield batch, list(islice(replies, len(batch)))
    finish(replies)


def finish(replies: Iterator[Reply[Any]]) -> None:
    """Let the generator come to its end. RuntimeError: there is a reply left."""
    if next(replies, None) is not None:
        raise RuntimeError("there are more replies than rows")


def _not_asked(waiting: deque[type[Form] | str]) -> Iterator[Reply[Form]]:
    while waiting and isinstance(error := waiting[0], str):
        waiting.popleft()
        yield Reply(None, error)


def _read(response: Response, form: type[Form]) -> Reply[Form]:
    if response.error is not None:
        return Reply(None, response.error or "no reason given")
    if response.finish_reason == FinishReason.LENGTH:
        return Reply(None, f"the reply was cut off after {response.completion_tokens} tokens")
    # A form may speak of a mark of reasoning; only what is no form as a whole is one behind a thought.
    with suppress(ValidationError):
        return Reply(form.model_validate_json(response.text.strip(), strict=True, extra="forbid"))
    try:
        return Reply(form.model_validate_json(response.answer.strip(), strict=True, extra="forbid"))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"'{place}': {first['msg']}" if place else first["msg"]
        return Reply(
            None, " ".join(f"the reply is not of the form: {what}: {response.answer[:_SHOWN_CHARS]!r}".split())
        )


@cache
def schema_of(form: type[BaseModel]) -> str:
    """The form's JSON schema as one line; its properties stay in order, as a model writes them in that order."""
    return json.dumps(_bare(form.model_json_schema()), separators=(",", ":"), ensure_ascii=False)


def _bare(schema: Any, names: bool = False) -> Any:
    """A schema without its words; objects take no further properties. `names`: the keys are the form's own."""
    if isinstance(schema, list):
        return [_bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {
        key: _bare(value, names=not names and key in ("properties", "$defs"))
        for key, value in schema.items()
        if names or key not in _WORDS
    }
    closed = not names and schema.get("type") == "object" and "additionalProperties" not in schema
    return bare | {"additionalProperties": False} if closed else bare
