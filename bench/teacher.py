"""How good the embedded teacher is on questions that it never saw.

    python -m bench.teacher --n 500 --temperature 0.8

Prints one Markdown row per domain and family: questions, verified share with Wilson's 95% interval, the share that the
best constant guess would reach, mean and largest completion length, and at the end the speed. Questions come from the
held-out 5% of the question space (`data.generator.problem.is_held_out`), the same number from every family. Answers are
judged as the pipeline judges them: code in the sandbox, the rest by `verify.math`.
"""

import argparse
import json
import math
import time
from collections import Counter
from pathlib import Path
from random import Random

import polars as pl
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from data.generator.families import FAMILIES, draw, unseen
from data.generator.problem import Problem
from ot_assets.strategies import apply
from ot_resources.sandboxes import open_sandbox

BATCH = 64
MAX_NEW_TOKENS = 160
GUESS_DRAWS = 2000


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share."""
    share, spread = right / n, z * math.sqrt(right * (n - right) / n + z * z / 4) / n
    middle, scale = share + z * z / (2 * n), 1 + z * z / n
    return (middle - spread) / scale, (middle + spread) / scale


def guessable(domain: str, family: str) -> float:
    """The share of a family's questions that its commonest answer gets right, over fresh draws."""
    rng = Random(f"guess {domain} {family}")
    answers = Counter(draw(rng, domain, family).reference for _ in range(GUESS_DRAWS))
    return answers.most_common(1)[0][1] / GUESS_DRAWS


@torch.no_grad()
def answer(folder: Path, problems: list[Problem], temperature: float, seed: int) -> tuple[list[str], list[int], float]:
    """One completion per problem: texts, lengths in tokens, and the seconds that generating took."""
    coder = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    torch.manual_seed(seed)
    asked = [[{"role": "user", "content": p.question}] for p in problems]
    prompts = coder.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    texts, lengths = [""] * len(problems), [0] * len(problems)
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
    began = time.perf_counter()
    for start in range(0, len(problems), BATCH):
        batch = coder(prompts[start : start + BATCH], return_tensors="pt", padding=True)
        out = model.generate(**batch, **sampling, max_new_tokens=MAX_NEW_TOKENS)[:, batch.input_ids.shape[1] :]
        for i, ids in enumerate(out, start):
            kept = ids[(ids != coder.pad_token_id) & (ids != coder.eos_token_id)]
            texts[i], lengths[i] = coder.decode(kept), len(kept)
    return texts, lengths, time.perf_counter() - began


def verified(problems: list[Problem], texts: list[str]) -> list[bool]:
    """Whether each text, a whole completion with its think block, has the verdict `right`."""
    frame = pl.DataFrame(
        {
            "place": range(len(problems)),
            "answer": [text.rpartition("</think>")[2] for text in texts],
            "reference": [p.reference for p in problems],
            "tests": [None if p.tests is None else json.dumps(p.tests) for p in problems],
        },
        schema_overrides={"tests": pl.String},
    )
    code, other = frame.filter(pl.col("tests").is_not_null()), frame.filter(pl.col("tests").is_null())
    with open_sandbox("process") as sandbox:
        judged = [
            apply("verify.code", code, sandbox=sandbox).kept.collect(),
            apply("verify.math", other).kept.collect(),
        ]
    return pl.concat(judged).sort("place")["verdict"].eq("right").to_list()


def row(name: str, right: list[bool], lengths: list[int], guess: float) -> dict:
    low, high = wilson(sum(right), len(right))
    return {
        "name": name,
        "n": len(right),
        "verified": round(sum(right) / len(right), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "guess": round(guess, 4),
        "mean_tokens": round(sum(lengths) / len(lengths), 1),
        "max_tokens": max(lengths),
    }


def measure(folder: Path, n: int, temperature: float, seed: int) -> tuple[list[dict], float, list[dict]]:
    """Rows of the table, tokens per second, and the graded answers."""
    rows, answers, tokens, seconds = [], [], 0, 0.0
    for domain, families in FAMILIES.items():
        problems = list(unseen(seed, domain, n))
        texts, lengths, took = answer(folder, problems, temperature, seed)
        right = verified(problems, texts)
        guesses = {family: guessable(domain, family) for family in families}
        rows.append(row(domain, right, lengths, sum(guesses.values()) / len(guesses)))
        for family in families:
            mine = [i for i, p in enumerate(problems) if p.family == family]
            rows.append(
                row(f"{domain}/{family}", [right[i] for i in mine], [lengths[i] for i in mine], guesses[family])
            )
        tokens, seconds = tokens + sum(lengths), seconds + took
        answers += [
            {
                "family": f"{domain}/{p.family}",
                "question": p.question,
                "reference": p.reference,
                "answer": t,
                "right": r,
            }
            for p, t, r in zip(problems, texts, right, strict=True)
        ]
    return rows, tokens / seconds, answers


def table(rows: list[dict]) -> str:
    lines = [
        "| questions | n | verified | 95% interval | by guessing | tokens mean | max |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        name = r["name"] if "/" in r["name"] else f"**{r['name']}**"
        lines.append(
            f"| {name} | {r['n']} | {r['verified']:.1%} | {r['low']:.1%} to {r['high']:.1%} | {r['guess']:.1%}"
            f" | {r['mean_tokens']} | {r['max_tokens']} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("data/teacher"))
    parser.add_argument("--n", type=int, default=500, help="questions per domain")
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--temperature", type=float, default=0.8, help="0 is greedy")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--answers", type=Path, help="write the graded answers here, one JSON object per line")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows, speed, answers = measure(options.model, options.n, options.temperature, options.seed)
    print(table(rows))
    print(f"\ntemperature {options.temperature}, seed {options.seed}, ", end="")
    print(f"{speed:,.0f} tokens/s on {options.threads} thread(s)")
    if options.answers:
        options.answers.write_text("".join(json.dumps(a) + "\n" for a in answers))


if __name__ == "__main__":
    main()
