"""The checks of a finished dataset: its quotas, the benchmarks, its tags, and who wrote it."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import polars as pl

from ot_assets.graph.checks import Check, Table
from ot_assets.lineage.explain import evidence_of, one_line
from ot_assets.recipes.against import openthoughts3_rule, openthoughts3_sets
from ot_assets.recipes.model import Choice
from ot_assets.recipes.plan import Key, Node
from ot_assets.strategies import running
from ot_assets.strategies.trace_tags import SOLUTION
from ot_resources.generators.reasoning import TAGS
from ot_resources.store import Version

# Matches that a message shows, and how much of a twin's text.
_SHOWN = 3
_CHARACTERS = 60
# How much is told of why a set could not be read.
_WHY = 160


class Sets(NamedTuple):
    """Of the twelve sets of OpenThoughts3 those that are there, by id, and why some could not be read (anew)."""

    read: dict[str, Version]
    unread: dict[str, str]


NO_SETS = Sets({}, {})


def release_checks(
    node: Node, table: Table, inputs: dict[Key, Version], params: dict[str, Any], given: dict[str, Any], sets: Sets
) -> list[Check]:
    """The checks of a dataset, on a sealed table; `given` are capabilities by kind, for the rules that want them.

    OpenThoughts3's rule and the teacher only warn.
    """
    return [
        _quota(table, inputs, params["rows"], node.params["rows"]),
        _overlap(node, table, inputs, given),
        _openthoughts3(node, table, inputs, given, sets),
        _tags(table, inputs),
        _teacher(inputs),
    ]


def _quota(
    table: Table, inputs: dict[Key, Version], limits: dict[str, int | None] | None, published: dict[str, int] | None
) -> Check:
    released = table.scan().select("row_id").collect()
    if limits is None:
        return Check("quota_met", True, f"{released.height:,} rows; the recipe asks for all")
    quotas = {domain: rows for domain, rows in limits.items() if rows is not None}
    rows = pl.concat([v.scan().select("row_id", "domain") for v in _formatted(inputs)]).join(
        released.lazy(), on="row_id", how="semi"
    )
    counts = dict(rows.group_by("domain").len().collect().iter_rows())
    short = {domain: rows for domain, rows in quotas.items() if counts.get(domain, 0) != rows}
    told = ", ".join(f"{domain} {counts.get(domain, 0):,} of {rows:,}" for domain, rows in quotas.items())
    told += _deviation(quotas, published)
    advice = "; give more 'spare' or source rows, a smaller scale, or 'dataset: {rows: all}'" if short else ""
    return Check("quota_met", not short, told + advice)


def _deviation(quotas: dict[str, int], published: dict[str, int] | None) -> str:
    """How far the domains' shares are from those of the recipe: whole rows cannot always keep them."""
    if not published or len(quotas) < 2:
        return ""
    total, full = sum(quotas.values()), sum(published[name] for name in quotas)
    points = {name: 100 * (rows / total - published[name] / full) for name, rows in quotas.items()}
    worst = max(points, key=lambda name: abs(points[name]))
    return f"; shares as in the recipe, to {abs(points[worst]):.1f} points ({worst})"


def hangs_on(node: Node, sets: Sets) -> dict[str, Any]:
    """What the outcomes of a dataset's checks hang on beside its rows and the capabilities."""
    rules = {track: [_title(rule) for rule in rules] for track, rules in node.rules.items()}
    read = {name: version.version for name, version in sets.read.items()}
    return {"rules": rules, "openthoughts3": _title(openthoughts3_rule()), "sets": read}


def _title(rule: Choice) -> list[Any]:
    return [rule.strategy.title, rule.strategy.version, rule.params]


def _overlap(node: Node, table: Table, inputs: dict[Key, Version], given: dict[str, Any]) -> Check:
    """Each track by its own rules, but those that ask a model (that would be paid for), or need what is not left."""
    rules = [(key, rule) for key in node.inputs for rule in node.rules[key[1]]]
    if not rules:
        return Check("no_benchmark_overlap", True, "the recipe cleans against no benchmark")
    hits, left = [], []
    for key, rule in rules:
        missing = set(rule.strategy.needs) - set(inputs[key].scan().collect_schema())
        if "generator" in rule.strategy.capabilities.values():
            left.append(f"{key[1]}'s {rule.strategy.title}, which asks a model")
        elif missing:
            left.append(f"{key[1]}'s {rule.strategy.title}, which needs the column '{min(missing)}'")
        else:
            compared = {name: [inputs[table.key] for table in tables] for name, tables in rule.tables.items()}
            hits += _hits(rule, _questions(table, [inputs[key]], rule.strategy.needs), compared, given)
    told = _told(hits) if hits else "no question matches, by the tracks' own rules"
    if len(left) == len(rules):
        told = "no question was looked at"
    told += f"; not scanned again: {', '.join(left)}" if left else ""
    return Check("no_benchmark_overlap", not hits, told)


def _openthoughts3(node: Node, table: Table, inputs: dict[Key, Version], given: dict[str, Any], sets: Sets) -> Check:
    """All tracks by OpenThoughts3's rule: what the recipe itself does not compare with, or less strictly, is told."""
    rule, there = openthoughts3_rule(), list(sets.read.values())
    questions = _questions(table, [inputs[key] for key in node.inputs], rule.strategy.needs)
    hits = _hits(rule, questions, {"against": there}, given) if there else []
    told = [_told(hits) if hits else "no question matches" if there else "no question was looked at"]
    told.append(f"by the rule of OpenThoughts3; {len(there)} of {len(openthoughts3_sets())} sets looked at")
    unread = ", ".join(f"{name} ({one_line(why, _WHY)})" for name, why in sets.unread.items())
    message = ", ".join(told) + (f"; not read: {unread}" if unread else "")
    return Check("openthoughts3_rule", bool(there) and not hits, message, blocking=False)


def _questions(table: Table, formatted: list[Version], needs: tuple[str, ...]) -> pl.LazyFrame:
    """The released ones among the questions of some tracks, each once, with the columns that a rule needs."""
    columns = list(dict.fromkeys(["question_id", "question", *needs]))
    rows = pl.concat([version.scan().select("row_id", *columns) for version in formatted])
    released = rows.join(table.scan().select("row_id"), on="row_id", how="semi", maintain_order="left")
    return released.select(columns).unique("question_id", maintain_order=True)


def _hits(
    rule: Choice, questions: pl.LazyFrame, compared: dict[str, list[Version]], given: dict[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Id and evidence of each question that the rule drops."""
    tables = {
        name: pl.concat([version.scan() for version in versions], how="diagonal_relaxed")
        for name, versions in compared.items()
    }
    arguments = rule.params | tables | running.provide(rule.strategy, given)
    dropped = running.run(rule.strategy, questions, arguments).dropped
    rows = dropped.select(pl.col("question_id", "drop_evidence").cast(pl.String)).collect()
    return [(question_id, evidence_of(evidence)) for question_id, evidence in rows.iter_rows()]


def _told(hits: list[tuple[str, dict[str, Any]]]) -> str:
    """How many questions match, by benchmark, and the first of them with their twins."""
    counts = Counter(one_line(str(evidence.get("against") or "unnamed"), _CHARACTERS) for _, evidence in hits)
    by_benchmark = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
    first = "; ".join(f"{question} is {_twin(evidence)}" for question, evidence in hits[:_SHOWN])
    verb = "question matches" if len(hits) == 1 else "questions match"
    return f"{len(hits):,} {verb}: {by_benchmark}; first: {first}"


def _twin(evidence: dict[str, Any]) -> str:
    """The twin as the evidence tells it, which any strategy may have written."""
    told = {name: evidence.get(name) for name in ("against", "twin", "rule", "score", "twin_text")}
    score = told["score"]
    rule = [str(told["rule"] or "its rule"), *([f"{score:g}"] if isinstance(score, int | float) else [])]
    which = " ".join(str(told[name]) for name in ("against", "twin") if told[name] is not None)
    text = one_line(str(told["twin_text"] or ""), _CHARACTERS)
    return one_line(f"{which or 'an unnamed item'} ({' '.join(rule)}: {text!r})", 3 * _CHARACTERS)


def _tags(table: Table, inputs: dict[Key, Version]) -> Check:
    pairs = (*TAGS, SOLUTION)
    written = (
        table.scan()
        .select(
            "row_id",
            pl.col("conversations").list.eval(pl.element().struct.field("value")).list.join("\n").alias("text"),
        )
        .select(
            "row_id",
            *(pl.col("text").str.count_matches(tag, literal=True).alias(tag) for pair in pairs for tag in pair),
        )
    )
    wrong = pl.any_horizontal((pl.col(a) != pl.col(b)) | (pl.col(a) > 1) for a, b in pairs)
    bad = written.filter(wrong).select("row_id").collect(engine="streaming")["row_id"]
    by_choice = _truncated(inputs)
    left = bad.filter(~bad.is_in(by_choice.implode()))
    if len(left):
        return Check("tags_closed", False, f"{len(left):,} rows with open or repeated tags, first: {left[0]}")
    cut = f"; {len(bad):,} of them are open: the format keeps truncated traces" if len(bad) else ""
    return Check("tags_closed", True, f"{table.rows:,} rows{cut}")


def _truncated(inputs: dict[Key, Version]) -> pl.Series:
    """The row ids that a format with `keep_truncated` has let through, marked."""
    scans = [version.scan() for version in _formatted(inputs)]
    marked = [scan.filter("truncated").select("row_id") for scan in scans if "truncated" in scan.collect_schema()]
    return pl.concat(marked).collect(engine="streaming")["row_id"] if marked else pl.Series("row_id", [], pl.String)


def _teacher(inputs: dict[Key, Version]) -> Check:
    models = {
        model["model"]
        for version in inputs.values()
        for model in version.record["models"]
        if model["role"] == "teacher"
    }
    embedded = sorted(model for model in models if model.startswith("embedded:"))
    message = (
        f"answers by {embedded[0]}: a miniature for trying the graph out, not for training on"
        if embedded
        else f"answers by {', '.join(sorted(models)) or 'whoever wrote the imported traces'}"
    )
    return Check("real_teacher", not embedded, message, blocking=False)


def _formatted(inputs: dict[Key, Version]) -> list[Version]:
    return [version for version in inputs.values() if version.kind == "formatted"]
