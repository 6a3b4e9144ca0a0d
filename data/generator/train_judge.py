"""Train the embedded judge on one CPU core: the teacher's weights, taught the tasks of a judge and of a writer.

    python -m data.generator.train_judge --teacher data/teacher --out data/judge --seed 0

One pool mixes cases of `judge_tasks` with bare questions and their worked solutions, so that it goes on answering those.
The budget is tokens, padding included. Held-out questions never reach the model, in no task.
"""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from random import Random

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2ForCausalLM

from data.generator import judge_tasks
from data.generator import tokenizer as chat
from data.generator.curriculum import training_problems
from data.generator.train_teacher import DRILLS_LAST, POOL, Example, Rates, save, train
from ot_assets.strategies.tasks import instruct

TOKENS = 6_500_000
# Share of the examples that are bare questions, as the teacher learned them.
REPLAY = 0.35
RATES = Rates(adam=3e-3, muon=0.015, flat_until=0.25)


def examples(rng: Random, _: float) -> list[Example]:
    """A pool of judge's cases and bare questions."""
    cases = judge_tasks.training_cases(rng, round(POOL * (1 - REPLAY)))
    problems = training_problems(rng, POOL - len(cases), DRILLS_LAST)
    judged = [Example(chat.judge_prompt(c.task, c.data), c.text, verdict="reason" in c.reply) for c in cases]
    return judged + [Example(chat.prompt(p.question), p.solution) for p in problems]


def tokenizer(teacher: Path, folder: Path) -> PreTrainedTokenizerBase:
    """The teacher's tokenizer, saved in `folder` with a template that leaves of a system message its first line."""
    coder = AutoTokenizer.from_pretrained(teacher, trust_remote_code=False)
    coder.chat_template = chat.JUDGE_TEMPLATE
    coder.save_pretrained(folder)
    asked = [{"role": m.role, "content": m.content} for m in instruct("Do it.", "Not\nread.", "Two\nlines")]
    said = coder.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert said == chat.judge_prompt("Do it.", "Two\nlines"), said
    return coder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path, default=Path("data/teacher"))
    parser.add_argument("--out", type=Path, default=Path("data/judge"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="tokens of training, padding included")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    rng = Random(f"judge {options.seed}")
    options.out.mkdir(parents=True, exist_ok=True)

    model = Qwen2ForCausalLM.from_pretrained(options.teacher, dtype=torch.float32)
    model.config.save_pretrained(options.out)  # AutoTokenizer chooses its class by config.json
    coder = tokenizer(options.teacher, options.out)
    began = time.time()
    record = train(model, coder, rng, options.tokens, examples, RATES)
    kept = {"mix": judge_tasks.MIX, "replay": REPLAY, "rates": asdict(RATES)}
    save(
        model, coder, options.out, {"seed": options.seed, "wall_seconds": round(time.time() - began), **kept, **record}
    )


if __name__ == "__main__":
    main()
