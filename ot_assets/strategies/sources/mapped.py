"""Any table of questions as the columns of a question, told by a mapping of column names.

A row of `{id: 7, problem: "2+2?", answer: 4, level: "easy"}` under `key: id, question: problem, reference: answer`
becomes `question_id=<hash>, question="2+2?", reference="4", extra='{"id":7,"level":"easy"}'`.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
import unicodedata
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.sources.columns import as_json, as_text
from ot_assets.strategies.sources.paths import unfold
from ot_resources.interfaces import BadInput

_CONTENT = "__content"
_ERROR = "__error"
_BRACES = re.compile(r"\{([^{}]+)\}")
_IMPORTED = ("answer", "reasoning", "model", "finish_reason")

Value = str | int | float | bool


class Mapping(BaseModel):
    """Which column holds what. Every value is a column of the raw table, or a path into one (`messages[0].content`).

    `question` may also be a template of columns: `"{title}\\n\\n{body}"`. `options` names the answers to choose from
    (texts, or labels and texts), which follow the question as lines `A: ...`. `tests` names a column of JSON, or builds
    the JSON of several columns: `{kind: check, code: orig_test, ...}`, where `kind` is the kind itself and a list of
    columns stands for their lists, joined. `imported` maps `answer`, `reasoning`, `model` and `finish_reason` to
    columns of a text, or of several (one an answer). `only` names the rows to read: `{difficulty: MEDIUM}`,
    `{source: [amc_aime, olympiads]}`. `error` names a column that says of a row why it could not be read. `extra` lists
    what else to keep; by default everything that was not copied whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    options: str | None = None
    key: str | None = None
    reference: str | None = None
    tests: str | dict[str, str | tuple[str, ...]] | None = None
    imported: dict[str, str] = {}
    domain: str | None = None
    only: dict[str, Value | tuple[Value, ...]] = {}
    error: str | None = None
    extra: tuple[str, ...] | None = None

    def named(self) -> dict[str, str]:
        """Where the mapping names a column, and which."""
        parts = template_columns(self.question)
        asked = {f"question.{number}": column for number, column in enumerate(parts)} or {"question": self.question}
        names = ("options", "key", "reference", "domain", "error")
        single: dict[str, str | None] = {name: getattr(self, name) for name in names}
        found = asked | {field: column for field, column in single.items() if column is not None}
        if isinstance(self.tests, str):
            found["tests"] = self.tests
        for field, columns in self.tests.items() if isinstance(self.tests, dict) else ():
            if isinstance(columns, str) and field != "kind":
                found[f"tests.{field}"] = columns
            elif field != "kind":
                found |= {f"tests.{field}.{number}": column for number, column in enumerate(columns)}
        found |= {f"imported.{field}": column for field, column in self.imported.items()}
        found |= {f"only.{column}": column for column in self.only}
        return found | {f"extra.{number}": column for number, column in enumerate(self.extra or ())}

    def others(self, columns: list[str]) -> list[str]:
        """The columns that go into `extra`. The key stays among them: an id is a hash and does not tell it."""
        if self.extra is not None:
            return list(self.extra)
        copied = {column for field, column in self.named().items() if field != "key" and not field.startswith("only.")}
        return [column for column in columns if column not in copied]


def template_columns(question: str) -> list[str]:
    """The columns of a template, in their order; none when the text names a column itself."""
    return _BRACES.findall(question)


@strategy(stage="sources", version=1, name="mapped", needs=())
def to_questions(raw: pl.LazyFrame, *, source: str, mapping: Mapping, where: str, domain: str | None = None) -> Split:
    """The rows of `raw` as questions, in their order; `domain` fills in where the mapping gives none.

    `question_id` is 16 hex digits of sha256 over (source, key), or over (source, content, how often that content came
    before): an added row moves no other id. Content is the question in NFC with white space collapsed. Columns
    that are not text are cast, nested ones to JSON. A question without text is dropped as `empty_question`, a row with
    an `error` as `unreadable`. Rows that the mapping's `only` leaves out are not read at all.

    Columns out: exactly those of a question. BadInput, with `where`: a column that is not there. `check_keys`
    looks into the rows.
    """
    named = list(raw.collect_schema())
    raw = unfold(raw, mapping.named().values())
    schema = raw.collect_schema()
    _check_columns(schema, mapping, where)
    raw = raw.filter(_chosen(mapping, schema))
    questions = (
        raw.with_columns(_question_id(schema, source, mapping)) if mapping.key else _numbered(raw, source, mapping)
    )
    mapped = questions.select(
        pl.col("__id").alias("question_id"),
        pl.lit(source).alias("source"),
        _domain(schema, mapping, domain).alias("domain"),
        _asked(mapping, schema).alias("question"),
        _optional(mapping.reference, schema).alias("reference"),
        _tests(schema, mapping).alias("tests"),
        _extra(schema, named, mapping).alias("extra"),
        _optional(mapping.error, schema).alias(_ERROR),
    )
    error = pl.col(_ERROR)
    return split(
        mapped,
        (pl.col("question").str.strip_chars() != "") & error.is_null(),
        reason=pl.when(error.is_null()).then(pl.lit("empty_question")).otherwise(pl.lit("unreadable")),
        evidence=pl.struct(
            pl.lit(mapping.question).alias("column"), *([error.alias("error")] if mapping.error else [])
        ),
        scratch=(_ERROR,),
    )


def check_keys(raw: pl.LazyFrame, mapping: Mapping, where: str) -> None:
    """Read the key column once. BadInput, with `where`: no rows, a row without a key, a key that comes twice.

    Rows are counted from 1. Without a key in the mapping only the first of these is looked for.
    """
    raw = unfold(raw, mapping.named().values())
    schema = raw.collect_schema()
    _check_columns(schema, mapping, where)
    if mapping.key is None:
        if raw.filter(_chosen(mapping, schema)).select(pl.len()).collect().item() == 0:
            raise BadInput(f"{where}: no rows{_that_match(mapping)}")
        return
    chosen = raw.with_row_index("row", offset=1).filter(_chosen(mapping, schema))
    keys = chosen.select("row", as_text(mapping.key, schema).alias("key")).collect()
    if keys.is_empty():
        raise BadInput(f"{where}: no rows{_that_match(mapping)}")
    missing = keys.filter(pl.col("key").is_null())
    if not missing.is_empty():
        raise BadInput(f"{where}: row {missing['row'][0]} has no key in the column '{mapping.key}'")
    again = keys.with_columns(pl.col("row").first().over("key").alias("first")).filter(pl.col("row") != pl.col("first"))
    if not again.is_empty():
        key, row, first = again.select("key", "row", "first").row(0)
        raise BadInput(f"{where}: the key '{key}' of the column '{mapping.key}' comes twice, in rows {first} and {row}")


def _that_match(mapping: Mapping) -> str:
    told = ", ".join(f"{column}: {value}" for column, value in mapping.only.items())
    return f" with {told} ('only')" if told else ""


def _check_columns(schema: pl.Schema, mapping: Mapping, where: str) -> None:
    unknown = set(mapping.imported) - set(_IMPORTED)
    if unknown:
        raise BadInput(f"{where}: 'imported' has no field '{min(unknown)}'; there is: {', '.join(_IMPORTED)}")
    if isinstance(mapping.tests, dict) and "kind" not in mapping.tests:
        raise BadInput(f"{where}: 'tests' needs a 'kind': stdin, call, asserts or check")
    for field, column in mapping.named().items():
        if column not in schema:
            raise BadInput(f"{where}: '{field}': no column '{column}'; there is: {', '.join(schema.names())}")
        if not _fits(field, schema[column]):
            wanted = next((told for place, told in _WANTED.items() if field.startswith(place)), "text")
            raise BadInput(f"{where}: '{field}': the column '{column}' holds {schema[column]}, not {wanted}")


_WANTED = {"options": "a list of options", "tests.": "a list of texts", "imported": "text or a list of texts"}


def _fits(field: str, kind: pl.DataType) -> bool:
    """Whether a column has the type that its place wants: a set whose schema changed is not read as something else."""
    texts = isinstance(kind, pl.List) and kind.inner in (pl.String, pl.Null)
    if kind == pl.Null:
        return True
    if field == "options":
        return isinstance(kind, pl.List | pl.Struct)
    if field.startswith(("tests.inputs", "tests.outputs")):
        return isinstance(kind, pl.List)
    if field.startswith("imported"):
        return texts or not kind.is_nested()
    if field.startswith(("question", "domain", "error")):
        return kind == pl.String or kind.is_numeric()
    return not (field == "reference" and isinstance(kind, pl.Struct))


def _question_id(schema: pl.Schema, source: str, mapping: Mapping) -> pl.Expr:
    def digest(keys: pl.Series) -> pl.Series:
        return pl.Series(keys.name, [_hash(source, key) for key in keys], dtype=pl.String)

    key = as_text(mapping.key or "", schema)
    return key.map_batches(digest, return_dtype=pl.String, is_elementwise=True).alias("__id")


def _numbered(raw: pl.LazyFrame, source: str, mapping: Mapping) -> pl.LazyFrame:
    """`raw` with `__id` of content and occurrence. Only a hash a row is held in memory while the rows stream past."""

    def content(texts: pl.Series) -> pl.Series:
        return pl.Series(texts.name, [_hash(_normalise(text or "")) for text in texts], dtype=pl.String)

    def digest(rows: pl.Series) -> pl.Series:
        ids = [_hash(source, row[_CONTENT], row["seen"]) for row in rows]
        return pl.Series(rows.name, ids, dtype=pl.String)

    numbered = raw.with_row_index(ROW)
    text = _asked(mapping, raw.collect_schema())
    hashed = text.map_batches(content, return_dtype=pl.String, is_elementwise=True)
    seen = numbered.select(ROW, hashed.alias(_CONTENT)).with_columns(
        pl.int_range(pl.len()).over(_CONTENT).alias("seen")
    )
    ids = pl.struct(_CONTENT, "seen").map_batches(digest, return_dtype=pl.String, is_elementwise=True)
    return numbered.join(seen.select(ROW, ids.alias("__id")), on=ROW, how="left", maintain_order="left")


def _normalise(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _hash(*parts: str | int | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _optional(column: str | None, schema: pl.Schema) -> pl.Expr:
    return pl.lit(None, pl.String) if column is None else as_text(column, schema)


def _domain(schema: pl.Schema, mapping: Mapping, fixed: str | None) -> pl.Expr:
    return pl.coalesce(_optional(mapping.domain, schema), pl.lit(fixed, pl.String))


def _chosen(mapping: Mapping, schema: pl.Schema) -> pl.Expr:
    """The rows that `only` names; values are compared as text."""
    wanted = {
        column: [_spelled(v) for v in (value if isinstance(value, tuple) else (value,))]
        for column, value in mapping.only.items()
    }
    return pl.all_horizontal(pl.lit(True), *(as_text(c, schema).is_in(v) for c, v in wanted.items()))


def _spelled(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _asked(mapping: Mapping, schema: pl.Schema) -> pl.Expr:
    """The question's text, with the options below it. A template without any of its columns is no question."""
    columns = template_columns(mapping.question)
    text: pl.Expr
    if columns:
        parts = [as_text(column, schema) for column in columns]
        filled = pl.format(_BRACES.sub("{}", mapping.question), *(part.fill_null("") for part in parts))
        text = pl.when(pl.any_horizontal(part.str.strip_chars() != "" for part in parts)).then(filled)
    else:
        text = as_text(mapping.question, schema)
    if mapping.options is None:
        return text
    lines = pl.col(mapping.options).map_batches(_option_lines, return_dtype=pl.String, is_elementwise=True)
    return pl.when(lines != "").then(pl.format("{}\n\n{}", text, lines)).otherwise(text)


def _option_lines(options: pl.Series) -> pl.Series:
    return pl.Series(options.name, [_lettered(value) for value in options.to_list()], dtype=pl.String)


def _lettered(options: Any) -> str:
    """`A: one` and so on, a line each; labels of the source's own are used where it has some."""
    if isinstance(options, dict):
        pairs = list(zip(options.get("label") or string.ascii_uppercase, options.get("text") or [], strict=False))
    else:
        listed = [o if isinstance(o, dict) else {"text": o} for o in options or []]
        pairs = [(o.get("label") or a, o.get("text")) for o, a in zip(listed, string.ascii_uppercase, strict=False)]
    return "\n".join(f"{label}: {text}" for label, text in pairs if text is not None)


def _tests(schema: pl.Schema, mapping: Mapping) -> pl.Expr:
    if not isinstance(mapping.tests, dict):
        text = _optional(mapping.tests, schema)
        return text.map_batches(_with_kind, return_dtype=pl.String, is_elementwise=True)
    columns = {field: column for field, column in mapping.tests.items() if field != "kind"}
    built = pl.struct(
        pl.lit(mapping.tests["kind"]).alias("kind"),
        *(_joined(column).alias(field) for field, column in columns.items()),
    )
    named = [name for column in columns.values() for name in ([column] if isinstance(column, str) else column)]
    present = pl.any_horizontal(pl.col(named).is_not_null())
    return pl.when(present).then(built.struct.json_encode())


def _joined(column: str | tuple[str, ...]) -> pl.Expr:
    if isinstance(column, str):
        return pl.col(column)
    return pl.concat_list([pl.col(name).fill_null([]) for name in column])


def _with_kind(tests: pl.Series) -> pl.Series:
    return pl.Series(tests.name, [_kind(text) for text in tests], dtype=pl.String)


def _kind(text: str | None) -> str | None:
    """`{"inputs": ..., "outputs": ...}` with its kind in front; anything else as it is, null for nothing.

    The kind is put into the text itself: TACO has integers that are too long for Python to read and write again.
    """
    if text is None or not text.strip():
        return None
    try:
        tests = json.loads(text, parse_int=str)
    except ValueError:
        return text
    if not isinstance(tests, dict) or "kind" in tests or not {"inputs", "outputs"} <= set(tests):
        return text
    kind = "call" if tests.get("fn_name") else "stdin"
    return f'{{"kind": "{kind}", ' + text.strip()[1:].lstrip()


def _extra(schema: pl.Schema, named: list[str], mapping: Mapping) -> pl.Expr:
    kept = {column: as_json(column, schema) for column in mapping.others(named)}
    if mapping.imported:
        # A list holds several answers to the question; it stays one.
        answers = (
            (pl.col(column) if isinstance(schema[column], pl.List) else as_text(column, schema)).alias(field)
            for field, column in mapping.imported.items()
        )
        kept["imported"] = pl.struct(*answers)
    if not kept:
        return pl.lit("{}")
    return pl.struct(value.alias(name) for name, value in kept.items()).struct.json_encode()
