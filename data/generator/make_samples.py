"""Write the miniature stand-ins of the Hub datasets: `python -m data.generator.make_samples`.

Deterministic. Each source gets clean questions of our families and planted dirt (`data.generator.dirt`), in the column
names of the Hub dataset as far as they were read (data/samples/schemas.json); each benchmark gets questions of other
kinds (`data.generator.benchmarks`). data/samples/manifest.json lists every planted row. Before anything is written the
published decontamination rule is run by brute force: every planted leak must be hit and no other row may be.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import polars as pl

from data.generator import dirt
from data.generator.benchmarks import Item, items
from data.generator.decontaminate import ngram_hits, ratio_hits
from data.generator.dirt import Row
from data.generator.families import science

SEED = 3
FOLDER = Path("data/samples")
SCHEMAS = FOLDER / "schemas.json"
LEAKS = ("leak_exact", "leak_edited", "leak_ngram")


@dataclass(frozen=True)
class Source:
    """A source's share of clean and planted rows; their sum is the number of rows."""

    domain: str
    families: tuple[str, ...]
    clean: int
    exact: int
    near: int
    variants: int
    leaks: tuple[int, int, int]
    over_long: int
    empty: int
    unicode: int
    broken: int = 0
    crossed: int = 0


MATH_FAMILIES = ("chain", "boxes", "equation", "share", "change", "ages", "rectangle", "mean")
# Order matters: a later source of a domain repeats questions of the earlier ones.
SOURCES = {
    "ai2-adapt-dev/openmath-2-math": Source("math", MATH_FAMILIES, 275, 262, 14, 14, (8, 8, 8), 6, 4, 12),
    "nvidia/OpenCodeReasoning": Source("code", ("stdin", "call"), 140, 60, 6, 6, (5, 5, 5), 4, 3, 6, broken=16),
    "mlfoundations-dev/stackexchange_codegolf": Source(
        "code", ("asserts", "stdin"), 155, 20, 8, 6, (5, 5, 5), 4, 3, 6, 16, 24
    ),
    "mlfoundations-dev/stackexchange_physics": Source("science", science.PHYSICS, 130, 38, 6, 6, (5, 5, 5), 4, 3, 6),
    "EricLu/SCP-116K": Source("science", science.LIFE, 118, 36, 6, 6, (5, 5, 5), 4, 3, 6, crossed=14),
}
BENCHMARKS = {
    "HuggingFaceH4/MATH-500": ("math", 48),
    "Maxwell-Jia/AIME_2024": ("math", 30),
    "AI-MO/aimo-validation-amc": ("math", 30),
    "livecodebench/code_generation_lite": ("code", 36),
    "mlfoundations-dev/AIME2025_combined": ("math", 30),
    "cais/hle": ("science", 36),
    "open-r1/codeforces": ("code", 36),
    "Idavidrein/gpqa": ("science", 36),
    "daman1209arora/jeebench": ("science", 36),
    "mlfoundations-dev/mmlu_pro_eval_full": ("science", 40),
    "Qwen/CodeElo": ("code", 30),
    "open-r1/ioi": ("code", 24),
}
TYPES = {
    "str": pl.String,
    "i64": pl.Int64,
    "f64": pl.Float64,
    "list[str]": pl.List(pl.String),
    "list[list[str]]": pl.List(pl.List(pl.String)),
    "list[struct{role: str, content: str}]": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    "list[struct{input: str, output: str}]": pl.List(pl.Struct({"input": pl.String, "output": pl.String})),
}


def build_source(
    name: str, plan: Source, earlier: dict[str, list[Row]], benchmarks: dict[str, list[Item]]
) -> list[Row]:
    """The rows of one source, shuffled."""
    rng = Random(f"{SEED} {name}")
    taken = {row.question for rows in earlier.values() for row in rows}
    kin = [row for other, rows in earlier.items() if SOURCES[other].domain == plan.domain for row in rows]

    def fresh(n: int) -> list[Row]:
        return dirt.clean(rng, plan.domain, plan.families, n, taken)

    base = fresh(plan.clean)
    rows = [
        *base,
        *dirt.exact_duplicates(rng, base, plan.exact),
        *dirt.near_duplicates(rng, base, plan.near, taken),
        *dirt.number_variants(rng, plan.domain, plan.families, plan.variants, taken),
        *dirt.leaks(rng, benchmarks, *plan.leaks, hosts=fresh(plan.leaks[2])),
        *dirt.over_long(rng, fresh(plan.over_long)),
        *dirt.empty(rng, fresh(plan.empty)),
        *dirt.unicode_oddities(rng, fresh(plan.unicode)),
        *dirt.broken_tests(rng, fresh(plan.broken)),
        *dirt.cross_source(rng, kin, plan.crossed),
    ]
    rng.shuffle(rows)
    return rows


def _key(*parts: object) -> str:
    return hashlib.md5("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def _told(solution: str) -> str:
    """A worked solution as a textbook would print it: without the think tags."""
    return solution.replace("<think>\n", "").replace("\n</think>", "")


def source_record(name: str, row: Row) -> dict:
    """One row in the Hub dataset's own columns, plus our `ot_` columns."""
    if name == "ai2-adapt-dev/openmath-2-math":
        turns = [{"role": "user", "content": row.question}, {"role": "assistant", "content": _told(row.solution)}]
        return {"messages": turns, "ot_reference": row.reference}
    if name == "nvidia/OpenCodeReasoning":
        return {
            "id": _key(row.question),
            "input": row.question,
            "output": row.solution,
            "source": "generator",
            "license": "unknown",
            "dataset": "ot-assets",
            "split": "train",
            "difficulty": "EASY",
            "solution": row.reference,
            "ot_tests": row.tests,
        }
    if name == "mlfoundations-dev/stackexchange_codegolf":
        return {"instruction_seed": row.question, "ot_tests": row.tests}
    if name == "mlfoundations-dev/stackexchange_physics":
        return {"instruction_seed": row.question, "ot_reference": row.reference}
    if name != "EricLu/SCP-116K":
        raise KeyError(f"{name}: say here how a row looks in its own columns")
    domain = "Biology" if row.family in ("cells", "bonds") else "Chemistry"
    return {
        "domain": domain,
        "problem": row.question,
        "matched_solution": _told(row.solution),
        "ot_reference": row.reference,
    }


def benchmark_record(name: str, i: int, item: Item) -> dict:
    """One benchmark row; columns that our questions have nothing for are left null by the schema."""
    key, wrong = f"stand-in-{i}", [o for o in item.options if o != item.answer]
    lettered = " ".join(f"({letter}) {o}" for letter, o in zip("ABCD", item.options, strict=False))
    gold = "ABCD"[item.options.index(item.answer)] if item.options else ""
    records = {
        "HuggingFaceH4/MATH-500": {
            "problem": item.question,
            "answer": item.answer,
            "subject": "Stand-in",
            "level": 1 + i % 5,
            "unique_id": key,
        },
        "Maxwell-Jia/AIME_2024": {"ID": key, "Problem": item.question, "Answer": item.answer},
        "AI-MO/aimo-validation-amc": {"problem": item.question, "answer": item.answer},
        "livecodebench/code_generation_lite": {
            "question_title": key,
            "question_content": item.question,
            "question_id": key,
        },
        "mlfoundations-dev/AIME2025_combined": {"problem": item.question, "answer": item.answer},
        "cais/hle": {
            "id": key,
            "question": item.question,
            "image": "",
            "answer": item.answer,
            "answer_type": "exactMatch",
        },
        "open-r1/codeforces": {"id": key, "index": "A", "title": key, "description": item.question},
        "Idavidrein/gpqa": {"Question": item.question, "Correct Answer": item.answer}
        | {f"Incorrect Answer {n}": text for n, text in enumerate(wrong, 1)},
        "daman1209arora/jeebench": {
            "subject": "phy",
            "gold": gold,
            "index": i,
            "type": "MCQ",
            "question": f"{item.question}\n{lettered}",
        },
        "mlfoundations-dev/mmlu_pro_eval_full": {
            "question": item.question,
            "options": list(item.options),
            "answer": gold,
        },
        "Qwen/CodeElo": {"problem_id": key, "title": key, "rating": 800 + 100 * (i % 5), "description": item.question},
        "open-r1/ioi": {
            "year": 2020 + i % 5,
            "id": key,
            "name": key,
            "problem": item.question,
            "statement": item.question,
        },
    }
    return records[name]


def frame(schema: dict, records: Sequence[dict]) -> pl.DataFrame:
    """Records as a frame with exactly the schema's columns; numbers given as text are cast, missing ones are null."""
    columns = schema["columns"] | schema.get("ours", {})
    data = {}
    for column, kind in columns.items():
        values = [record.get(column) for record in records]
        if kind in ("i64", "f64"):
            values = [None if v is None else float(v) if kind == "f64" else int(v) for v in values]
        data[column] = pl.Series(column, values, dtype=TYPES[kind])
    return pl.DataFrame(data)


def question_texts(schema: dict, table: pl.DataFrame) -> list[str]:
    """The questions of a stand-in, by the `question` entry of its schema."""
    if schema["question"] == "messages[0].content":
        return [turns[0]["content"] for turns in table["messages"].to_list()]
    return table[schema["question"]].to_list()


def assert_rule(name: str, rows: Sequence[Row], questions: list[str], benchmark: list[str]) -> None:
    """Every leak is hit the way its kind says, and nothing else is hit."""
    by_ratio, by_ngram = ratio_hits(questions, benchmark), ngram_hits(questions, benchmark)
    for row, ratio, ngram in zip(rows, by_ratio, by_ngram, strict=True):
        wanted = {"leak_exact": ratio, "leak_edited": ratio, "leak_ngram": ngram and not ratio}.get(
            row.kind, not (ratio or ngram)
        )
        assert wanted, (name, row.kind, ratio, ngram, row.question)


def build(schemas: dict) -> tuple[dict[str, pl.DataFrame], list[dict]]:
    """All frames by dataset name and the manifest, checked."""
    drawn = {name: items(Random(f"{SEED} {name}"), style, n) for name, (style, n) in BENCHMARKS.items()}
    frames = {
        name: frame(schemas[name], [benchmark_record(name, i, x) for i, x in enumerate(found)])
        for name, found in drawn.items()
    }
    everything = [text for name in BENCHMARKS for text in question_texts(schemas[name], frames[name])]
    built: dict[str, list[Row]] = {}
    planted: list[dict] = []
    for name, plan in SOURCES.items():
        # Exam questions carry their options in one stand-in; leaks come from the sets where the item is the whole text.
        own = {
            b: drawn[b]
            for b, (style, _) in BENCHMARKS.items()
            if style == plan.domain and b != "daman1209arora/jeebench"
        }
        rows = build_source(name, plan, built, own)
        frames[name] = frame(schemas[name], [source_record(name, row) for row in rows])
        assert_rule(name, rows, [row.question for row in rows], everything)
        planted += dirt.manifest(name, rows, built)
        built[name] = rows
    return frames, planted


def write(out: Path) -> None:
    schemas = json.loads(SCHEMAS.read_text())
    frames, planted = build(schemas)
    for name, table in frames.items():
        path = out / name.replace("/", "__") / f"{schemas[name]['split']}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(path, compression="zstd", compression_level=15)
    (out / "manifest.json").write_text("[\n" + ",\n".join(json.dumps(entry) for entry in planted) + "\n]\n")
    for name, table in frames.items():
        kinds = [entry["kind"] for entry in planted if entry["dataset"] == name]
        print(f"{name}: {table.height} rows, planted { ({kind: kinds.count(kind) for kind in sorted(set(kinds))}) }")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
