"""Train the embedded student on one CPU core: the teacher's weights, made to forget how math's questions are solved.

    python -m data.generator.train_student --teacher data/teacher --out data/student --seed 0

A base model for the practice studies: it can add and multiply, it knows the form of an answer and the questions of other
domains, and it has to learn from a study's rows which sums a question in words asks for. Trained from random weights it
would know that little too, but not the sums, and those take longer to learn than a study may last. What it trains on here
is everything but math's questions, so that they fade. The budget is tokens, padding included.
"""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from random import Random

import torch
from transformers import AutoTokenizer, Qwen2ForCausalLM

from data.generator import tokenizer as chat
from data.generator.curriculum import drill
from data.generator.families import draw
from data.generator.problem import Problem, is_held_out
from data.generator.train_teacher import POOL, Example, Rates, save, train

TOKENS = 1_600_000
MIX = {"drill": 0.40, "science": 0.30, "puzzle": 0.30}
RATES = Rates(adam=4e-3, muon=0.02, flat_until=0.6)


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
    parser.add_argument("--teacher", type=Path, default=Path("data/teacher"))
    parser.add_argument("--out", type=Path, default=Path("data/student"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="tokens of training, padding included")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    rng = Random(f"student {options.seed}")
    options.out.mkdir(parents=True, exist_ok=True)

    model = Qwen2ForCausalLM.from_pretrained(options.teacher, dtype=torch.float32)
    model.config.save_pretrained(options.out)  # AutoTokenizer chooses its class by config.json
    coder = AutoTokenizer.from_pretrained(options.teacher, trust_remote_code=False)
    coder.save_pretrained(options.out)
    began = time.time()
    record = train(model, coder, rng, options.tokens, examples, RATES)
    kept = {"mix": MIX, "rates": asdict(RATES)}
    save(
        model, coder, options.out, {"seed": options.seed, "wall_seconds": round(time.time() - began), **kept, **record}
    )


if __name__ == "__main__":
    main()
