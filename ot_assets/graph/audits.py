"""The audits of a dedup or a decontamination: whether it finds what it must, and what it took out.

Each is a check of the table. Two of them stop a run: a rule that breaks its promise, and a source that is gone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import polars as pl

from ot_assets.graph.checks import WARNING, Check, Table, audit_names
from ot_assets.lineage.explain import one_line
from ot_assets.recipes.plan import Node
from ot_assets.strategies import planting, removals, running, spot_checks
from ot_assets.strategies.registry import Split

SHOWN = 20
# Of fewer rows a source that is gone, a cluster or a phrase says nothing.
FEW = 20
# A source of so many rows that loses this share is gone as well: of a template one row always stays.
MANY, WIPED_SHARE = 100, 0.99
# A cluster of more than this share of the rows that came in, and a phrase that took more than this share, are told.
CLUSTER_SHARE = 0.01
PHRASE_SHARE = 0.001

CHARACTERS, BRIEF = 200, 80
_TEXT = ("question_id", "question")


def audit_checks(
    node: Node, table: Table, params: dict[str, Any], tables: dict[str, pl.LazyFrame], capabilities: dict[str, Any]
) -> list[Check]:
    """All audits of the node's table; `tables` are the strategy's own, and `capabilities` what it was given."""
    against = pl.concat(list(tables.values()), how="diagonal_relaxed") if tables else None
    twins = against if against is not None else pl.concat([table.scan().select(_TEXT), table.dropped().select(_TEXT)])
    audits: dict[str, Callable[[], Check]] = {
        "planted_found": lambda: _planted_found(node, table, against, params, capabilities),
        "rule_kept": lambda: _rule_kept(node, table, twins, against, params, capabilities),
        "removals_seen": lambda: _removals_seen(table, twins, differ),
        "largest_cluster": lambda: _largest_cluster(node, table, twins),
        "no_source_wiped": lambda: _no_source_wiped(node, table),
        "number_twins": lambda: _number_twins(table, twins, differ),
        "boilerplate": lambda: _boilerplate(table),
    }
    names = audit_names(node)
    missing = [name for name in ("question_id", "source", "question") if name not in table.scan().collect_schema()]
    if missing:  # which the check of the contract does not let through
        return [_check(name, True, f"cannot be told: {missing[0]} is missing") for name in names]
    differ = removals.differences(table.dropped(), twins)
    return [audits[name]() for name in names]


def _check(name: str, passed: bool, message: str, shown: list[dict[str, Any]] | None = None) -> Check:
    return Check(name, passed, message, blocking=name not in WARNING, shown=shown or [])


def _planted_found(
    node: Node, table: Table, against: pl.LazyFrame | None, params: dict[str, Any], capabilities: dict[str, Any]
) -> Check:
    rows = _planted(table.scan() if against is None else against, by_source=against is not None)
    if rows.is_empty():
        return _check("planted_found", True, "there is nothing to make plants of")
    given = {"against": against} if against is not None else {}
    # Plants have none of the columns that may decide which row is the earlier one; they come after what they copy.
    own = params | ({"order": ()} if "order" in params else {})

    def run(frame: pl.LazyFrame) -> Split:
        return running.run(node.strategy, frame, own | given | capabilities)

    matches = planting.PROMISES[node.strategy.title](params, capabilities)
    kinds = planting.tried(node.strategy.title, rows, matches, run, beside=against is None)
    broken = [tried.broken for tried in kinds if tried.broken]
    told = "found: " + ", ".join(map(str, kinds))
    if broken:
        first = broken[0]
        told = f"a plant ({first.kind}) {'stayed' if first.must_go else 'went'}: {_brief(first.question)}; {told}"
    shown = [
        {"plants": t.kind, "planted": t.planted, "found": t.found, "must be": t.must_go, "must not be": t.must_stay}
        for t in kinds
    ]
    return _check("planted_found", not broken, told, shown)


def _rule_kept(
    node: Node,
    table: Table,
    twins: pl.LazyFrame,
    against: pl.LazyFrame | None,
    params: dict[str, Any],
    capabilities: dict[str, Any],
) -> Check:
    threshold = params["threshold"]
    took = spot_checks.took(table.dropped(), twins, threshold)
    if took.broken:
        one, other = (_brief(text) for text in took.broken)
        return _check("rule_kept", False, f"{one} went for {other}, and does not reach {threshold:g} with it")
    told = f"{_counted(took.rows, 'removal')} looked at: each reaches {threshold:g} with its twin"
    if params.get("compat") == "five_matches":
        return _check("rule_kept", True, f"{told}; what stayed is not looked at, the published rule leaves some")
    matches = planting.PROMISES[node.strategy.title](params, capabilities)
    left = spot_checks.left(table.scan(), against, threshold, matches)
    if left.broken:
        one, other = (_brief(text) for text in left.broken)
        there = "that stayed as well" if against is None else "of the benchmarks"
        return _check("rule_kept", False, f"{one} stayed, and should have gone for {other} {there}")
    told += f"; {_counted(left.rows, 'row')} that stayed, in {_counted(left.pairs, 'pair')}: none does"
    return _check("rule_kept", True, told)


def _planted(rows: pl.LazyFrame, by_source: bool) -> pl.DataFrame:
    """What plants are made of: some rows, or some of each source."""
    text = pl.col("question")
    usable = rows.filter((text.str.strip_chars() != "") & (text.str.len_chars() <= planting.TEXT_CHARS))
    if not by_source:
        return removals.sampled(usable, planting.TEXTS)
    sources = usable.select("source").unique().collect(engine="streaming")["source"].sort()[: planting.TEXTS]
    each = -(-planting.TEXTS // max(1, len(sources)))
    parts = [removals.sampled(usable.filter(pl.col("source").eq_missing(source)), each) for source in sources]
    return pl.concat(parts) if parts else usable.clear().collect()


def _removals_seen(table: Table, twins: pl.LazyFrame, differ: pl.DataFrame) -> Check:
    if differ.is_empty():
        return _check("removals_seen", True, "nothing was removed")
    # Those that are not the same text come first: there is something to see.
    same = pl.col("difference") == removals.SAME
    chosen = pl.concat([removals.sampled(differ.lazy().filter(which), SHOWN) for which in (~same, same)]).head(SHOWN)
    pairs = removals.beside_twins(removals.only(table.dropped(), chosen), twins).collect(engine="streaming")
    score = pl.col("score").cast(pl.Float64, strict=False).round_sig_figs(4)
    # What two equal texts share says nothing.
    matched = pl.when(~same).then("matched").alias("matched")
    rows = chosen.join(pairs, on="question_id", maintain_order="left").with_columns(score, matched)
    told = f"{_counted(len(differ), 'removal')}: {removals.counted(Counter(differ['difference']))}"
    return _check("removals_seen", True, told, _beside(rows))


def _beside(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Removals and their twins as they are shown: where they differ, and what the evidence says."""
    columns = ("score", "difference", "rule", "matched", "against")
    told = [name for name in columns if rows[name].null_count() < rows.height]
    shown = []
    for row in rows.iter_rows(named=True):
        question, twin = _apart(row["question"] or "", row["twin_question"] or "", CHARACTERS)
        shown.append({"question": question, "twin": twin} | {name: _cell(row[name]) for name in told})
    return shown


def _largest_cluster(node: Node, table: Table, twins: pl.LazyFrame) -> Check:
    # A benchmark may be an earlier dataset with the same ids: its rows hang together with nothing.
    if node.stage == "decontaminate":
        cluster, chained, what = removals.most_taken(table.dropped()), 0, "went for the item"
    else:
        cluster, chained = removals.largest_cluster(table.dropped())
        what = "hang together and leave"
    if cluster is None:
        return _check("largest_cluster", True, "no removal names a twin")
    text = twins.filter(pl.col("question_id") == cluster.root).select("question").head(1).collect(engine="streaming")
    size, rows_in = cluster.size, table.rows + table.rows_dropped
    share = size / rows_in
    first = _brief(text.item() if text.height else cluster.root)
    told = f"{_counted(size, 'row')} of {rows_in:,} ({share:.1%}) {what} {first}"
    told += f"; {chained:,} of the removals went for a row that went itself" if chained else ""
    return _check("largest_cluster", size < FEW or share <= CLUSTER_SHARE, told)


def _no_source_wiped(node: Node, table: Table) -> Check:
    counts = removals.by_source(table.scan(), table.dropped())
    rows = [dict(row, share=f"{row['removed'] / row['rows']:.1%}") for row in counts.iter_rows(named=True)]
    gone = [row for row in rows if _gone(row["rows"], row["removed"])]
    shown = [{name: _cell(value) for name, value in row.items()} for row in rows[:SHOWN]]
    if gone:
        row, source = gone[0], repr(_cell(gone[0]["source"]))
        whole = "it holds the benchmarks" if node.stage == "decontaminate" else "other sources have all of it"
        told = f"all {row['rows']:,} rows of the source {source} went"
        if row["removed"] < row["rows"]:
            told = f"{row['removed']:,} of {row['rows']:,} rows of the source {source} went"
            told += f" ({row['share']}; {WIPED_SHARE:.0%} of {MANY} rows or more is too much)"
        return _check(
            "no_source_wiped", False, f"{told}: take it out of the recipe if {whole}, or loosen the rule", shown
        )
    losses = [
        f"{_cell(row['source'])} {row['share']} of {_counted(row['rows'], 'row')}" for row in rows if row["removed"]
    ]
    told = f"removed most of: {', '.join(losses[:3])}" if losses else "no source lost a row"
    return _check("no_source_wiped", True, told, shown)


def _gone(rows: int, removed: int) -> bool:
    return removed == rows >= FEW or (rows >= MANY and removed >= WIPED_SHARE * rows)


def _number_twins(table: Table, twins: pl.LazyFrame, differ: pl.DataFrame) -> Check:
    found = removals.number_twins(table.dropped(), twins, differ)
    if not found.looked_at:
        return _check("number_twins", True, "no removal has another text than its twin")
    told = f"{found.differ:,} of {found.looked_at:,} removals of another text have other numbers than their twin"
    if found.first:
        one, other = _apart(*found.first, BRIEF)
        told += f", e.g. {one!r} for {other!r}; dedup.number_aware keeps such questions"
    return _check("number_twins", not found.differ, told)


def _boilerplate(table: Table) -> Check:
    at_least = max(FEW, math.ceil(PHRASE_SHARE * (table.rows + table.rows_dropped)))
    phrases = removals.boilerplate(table.dropped(), at_least)
    named = [f"{_brief(phrase)} took {count:,} questions" for phrase, count in phrases[:3]]
    told = "; ".join(named) or f"no run of tokens took {at_least:,} questions"
    return _check("boilerplate", not phrases, told, [{"run": _cell(p), "questions": n} for p, n in phrases[:SHOWN]])


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _apart(one: str, other: str, characters: int) -> tuple[str, str]:
    """Two texts, each a line of so many characters; of long ones that begin alike the part where they differ."""
    alike = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    start = alike - characters // 4 if alike > characters // 2 and max(len(one), len(other)) > characters else 0
    head = "…" if start else ""
    first, second = (one_line(head + text[start:], characters) for text in (one, other))
    return first, second


def _brief(text: str) -> str:
    """A text in a sentence."""
    return repr(one_line(text, BRIEF))


def _cell(value: Any) -> Any:
    """What is shown of a text: a line of it, with nothing that steers a terminal or a page."""
    return one_line(value, CHARACTERS) if isinstance(value, str) else value
