"""Write the miniature stand-ins of the Hub datasets: `python -m data.generator.make_samples`.

Deterministic. Each source gets clean questions of our families and planted dirt (`data.generator.dirt`,
`data.generator.violations`), in the column names of the Hub dataset as far as they were read (data/samples/schemas.json);
each benchmark gets questions of other kinds (`data.generator.benchmarks`). data/samples/manifest.json lists every planted
row. Before anything is written the published decontamination rule is run by brute force: every planted leak must be hit
and no other row may be.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import polars as pl

from data.generator import dirt
from data.generator.benchmarks import Item, items
from data.generator.decontaminate import ngram_hits, ratio_hits
from data.generator.dirt import Row
from data.generator.samples import camel, numina, openthoughts3, programs, riddles, seeds, traces
from data.generator.samples.benchmarks import BENCHMARKS, OPENTHOUGHTS3, benchmark_record
from data.generator.samples.drawing import Draw, StandIn
from data.generator.samples.openthoughts3 import SEED, build_source, source_record
from data.generator.samples.tables import frame, question_texts, write_tables

FOLDER = Path("data/samples")
SCHEMAS = FOLDER / "schemas.json"
# Order matters: a later dataset repeats questions of earlier ones.
STAND_INS: dict[str, StandIn] = {
    name: stand_in
    for module in (numina, programs, camel, riddles, traces, seeds)
    for name, stand_in in module.STAND_INS.items()
}
SOURCES = (*openthoughts3.SOURCES, *STAND_INS)
# The benchmarks that OpenThoughts-114k was cleaned against leak into what it and its kin read.
LEAKING = {
    "math": ("HuggingFaceH4/MATH-500", "Maxwell-Jia/AIME_2024", "AI-MO/aimo-validation-amc"),
    "code": ("livecodebench/code_generation_lite",),
    "science": ("Idavidrein/gpqa",),
    "puzzle": (),
}


def assert_rule(name: str, rows: Sequence[Row], questions: list[str], benchmark: list[str]) -> None:
    """Every leak is hit the way its kind says, and nothing else is hit."""
    by_ratio, by_ngram = ratio_hits(questions, benchmark), ngram_hits(questions, benchmark)
    for row, ratio, ngram in zip(rows, by_ratio, by_ngram, strict=True):
        wanted = {
            "leak_exact": ratio,
            "leak_near": ratio,
            "leak_edited": ratio,
            "leak_ngram": ngram and not ratio,
        }.get(row.kind, not (ratio or ngram))
        assert wanted, (name, row.kind, ratio, ngram, row.question)


def draw_rows(
    name: str, stand_in: StandIn, built: dict[str, list[Row]], benchmarks: dict[str, list[Item]]
) -> list[Row]:
    """The rows of one later dataset, in the order of its files."""
    taken = {row.question for rows in built.values() for row in rows}
    own = {benchmark: benchmarks[benchmark] for benchmark in LEAKING[stand_in.domain]}
    rng = Random(f"{SEED} {name}")
    return stand_in.rows(Draw(rng, stand_in.domain, stand_in.families, built, own, taken, stand_in.change))


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
    for name in SOURCES:
        if name in STAND_INS:
            rows = draw_rows(name, STAND_INS[name], built, drawn)
            records = [STAND_INS[name].record(row) for row in rows]
        else:
            plan = openthoughts3.SOURCES[name]
            # Exam questions carry their options in one stand-in; leaks come from the sets where the item is the whole text.
            own = {
                b: drawn[b]
                for b, (style, _) in OPENTHOUGHTS3.items()
                if style == plan.domain and b != "daman1209arora/jeebench"
            }
            rows = build_source(name, plan, built, own)
            records = [source_record(name, row) for row in rows]
        frames[name] = frame(schemas[name], records)
        questions = question_texts(schemas[name], frames[name])
        assert questions == [row.question for row in rows], name
        assert_rule(name, rows, questions, everything)
        planted += dirt.manifest(name, rows, built)
        built[name] = rows
    return frames, planted


def write(out: Path) -> None:
    schemas = json.loads(SCHEMAS.read_text())
    frames, planted = build(schemas)
    for name, table in frames.items():
        heights = STAND_INS[name].heights if name in STAND_INS else ()
        write_tables(out, name, schemas[name], table, (*heights, table.height - sum(heights)))
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
