"""As many rows as so much money buys, all model calls behind them counted."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import Money
from ot_assets.strategies.cell.budgets import first_rows
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput


@strategy(stage="cell", version=1, needs=("row_id",))
def money(conversations: pl.LazyFrame, *, n: Money, spent: float = 0.0, seed: int = 42) -> Split:
    """Keep the conversations of the lowest sha256(seed, row_id), as many as `n` would have bought.

    `spent` is what all conversations cost: the answers, those that were dropped too, and whatever judges were asked
    before (the study tells it; prices: OT_TEACHER_OPTIONS, OT_JUDGE_OPTIONS, OT_TEACHERS). Each row then costs its
    equal share of it. Where `spent` is less than `n`, the check `cell_filled` fails. BadInput: nothing has a price.

    Columns in: row_id. Columns out: the same. Dropped: `over_budget`.
    """
    if spent <= 0:
        raise BadInput(
            "cell.money: no model behind these rows has a price, or it is by the hour and some answers were there"
            " before; set price_output (OT_TEACHER_OPTIONS)"
        )
    total = conversations.select(pl.len()).collect(engine="streaming").item()
    return first_rows(conversations, int(total * min(1.0, n / spent)), seed)
