"""Train the embedded student on one CPU core, as far as a base model goes: sums, the format, and little of math's questions.

    python -m data.generator.train_student --teacher data/teacher --out data/student --seed 0

It has the teacher's tokenizer and shape, and starts from random weights. Most of what it sees are bare sums and the questions of
other domains; math's word problems are few, so that what a study's rows teach of them shows in the score. The budget is
tokens, padding included. Held-out questions never reach it.
"""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from random import Random

import torch
from transformers import AutoTokenizer, Qwen2Config

from data.generator import tokenizer as chat
from data.generator.curriculum import drill
from data.generator.families import draw
from data.generator.problem import Problem, is_held_out
from data.generator.train_teacher import POOL, Example, Rates, new_model, save, train

TOKENS = 7_500_000
MIX = {"drill": 0.40, "science": 0.29, "puzzle": 0.26, "math": 0.05}
RATES = Rates()


def examples(rng: Random, _: float) -> list[Example]:
    """A pool of sums and bare questions with worked solutions."""
    found: list[Problem] = []
    while len(found) < POOL:
        kind = rng.choices(list(MIX), list(MIX.values()))[0]
        problem = drill(rng) if kind == "drill" else draw(rng, kind)
        if not is_held_out(problem.question):
            found.append(problem)
    return [Example(chat.prompt(p.question), p.solution) for p in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path, default=Path("data/teacher"), help="whose tokenizer it has")
    parser.add_argument("--out", type=Path, default=Path("data/student"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="tokens of training, padding included")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    rng = Random(f"student {options.seed}")
    options.out.mkdir(parents=True, exist_ok=True)

    Qwen2Config().save_pretrained(options.out)  # AutoTokenizer chooses its class by config.json
    coder = AutoTokenizer.from_pretrained(options.teacher, trust_remote_code=False)
    coder.save_pretrained(options.out)
    model = new_model(coder)
    began = time.time()
    record = train(model, coder, rng, options.tokens, examples, RATES)
    kept = {"mix": MIX, "rates": asdict(RATES)}
    save(
        model, coder, options.out, {"seed": options.seed, "wall_seconds": round(time.time() - began), **kept, **record}
    )


if __name__ == "__main__":
    main()
