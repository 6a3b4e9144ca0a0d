"""Ask a model for replies of a fixed form, one a row, and tell what could not be had."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import polars as pl
from pydantic import BaseModel, ValidationError

from ot_resources.interfaces import FinishReason, Generator, Message, Request, Response, Sampling

Form = TypeVar("Form", bound=BaseModel)

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
    the text is its error. `form` says what the reply must be: its JSON schema goes along with the request, and the
    reply (what follows the reasoning, where there is any) is validated with it, strictly. A reply that is cut off or is
    not of the form is an error; nothing is guessed. Only rows in flight are held.

    RuntimeError: the generator gave fewer or more replies than were asked for.
    """
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens, schema=schema_of(form))
    # Of every row without a reply yet: None while it is asked, else why it is not.
    waiting: deque[str | None] = deque()

    def requests() -> Iterator[Request]:
        for batch in rows.select(columns).collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
            for row in batch.iter_rows(named=True):
                made = messages(row)
                waiting.append(made if isinstance(made, str) else None)
                if not isinstance(made, str):
                    yield Request(made, sampling)

    for response in generator.generate(requests()):
        yield from _not_asked(waiting)
        if not waiting:
            raise RuntimeError(f"the judge {generator.model} gave more replies than it was asked for")
        waiting.popleft()
        yield _read(response, form)
    yield from _not_asked(waiting)
    if waiting:
        raise RuntimeError(f"the judge {generator.model} stopped with {waiting.count(None)} requests unanswered")


def _not_asked(waiting: deque[str | None]) -> Iterator[Reply[Any]]:
    while waiting and waiting[0] is not None:
        yield Reply(None, waiting.popleft())


def _read(response: Response, form: type[Form]) -> Reply[Form]:
    if response.finish_reason == FinishReason.ERROR:
        return Reply(None, response.error or "no reason given")
    if response.finish_reason == FinishReason.LENGTH:
        return Reply(None, f"the reply was cut off after {response.completion_tokens} tokens")
    text = response.text if response.reasoning is None else response.answer
    try:
        return Reply(form.model_validate_json(text.strip(), strict=True, extra="forbid"))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"'{place}': {first['msg']}" if place else first["msg"]
        return Reply(None, " ".join(f"the reply is not of the form: {what}: {text[:_SHOWN_CHARS]!r}".split()))


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
