"""Which of two rows is the earlier one, and so the one that stays."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.ranking import ROW
from ot_resources.interfaces import BadInput

_DESCENDING = "-"


def columns(order: tuple[str, ...]) -> list[str]:
    """The columns that an order names, each once: ("-score", "question_id") names score and question_id."""
    return list(dict.fromkeys(key.removeprefix(_DESCENDING) for key in order))


def earliest_first(rows: pl.LazyFrame, order: tuple[str, ...], where: str) -> pl.LazyFrame:
    """`rows` with `__row`, their number in the input from 0, sorted so that the earlier of two comes first.

    `order` names columns, with a leading '-' those of which the greatest comes first. Nulls and NaN come last either
    way; ties, and an empty `order`, go by the input. What is sorted is held in memory: give it the columns that matter.

    BadInput, with `where` in front: no such column, or one of lists, structs or Python's objects.
    """
    schema = rows.collect_schema()
    numbered = rows.with_row_index(ROW)
    if not order:
        return numbered
    keys = []
    for key in order:
        name = key.removeprefix(_DESCENDING)
        if name not in schema:
            raise BadInput(f"{where}: 'order': no column '{name}'; there is: {', '.join(schema.names())}")
        if schema[name].is_nested() or schema[name] == pl.Object:
            raise BadInput(f"{where}: 'order': '{name}' is {schema[name]}, which has no order")
        column = pl.col(name)
        keys.append(column.fill_nan(None) if schema[name].is_float() else column)
    descending = [*(key.startswith(_DESCENDING) for key in order), False]
    return numbered.sort(*keys, ROW, descending=descending, nulls_last=True)
