"""Train the embedded teacher from scratch on one CPU core, on worked solutions of our own families.

    python -m data.generator.train_teacher --out data/teacher --seed 0

One run with one long decay. The budget is tokens, padding included, so that a slower machine changes how long the run
takes but not what it learns. Held-out questions (`problem.is_held_out`) never reach the model.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import tokenizers
import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

from data.generator import tokenizer as chat
from data.generator.curriculum import MIX, training_problems
from data.generator.muon import Muon

VOCAB = 1536
# Shares of bare sums: most of them early, while the model has no arithmetic at all.
DRILLS_FIRST, DRILLS_LAST = 0.30, 0.08
TOKENS = 11_400_000
TOKENS_PER_BATCH = 2800
POOL = 1024
WARMUP_STEPS, LAST_RATE = 50, 0.01
LOSS_FREE = -100
# Of a reply with a verdict its last tokens count more: one or two of them decide, forty explain.
VERDICT_TOKENS, VERDICT_WEIGHT = 5, 8.0


@dataclass(frozen=True)
class Example:
    """A prompt as the model sees it, and what it should write. `verdict`: what is decided stands at the very end."""

    prompt: str
    reply: str
    verdict: bool = False


@dataclass(frozen=True)
class Rates:
    """Peak rates of the two optimisers, and until which share of the budget they stay flat."""

    adam: float = 4e-3
    muon: float = 0.02
    flat_until: float = 0.20


def worked_solutions(rng: Random, progress: float) -> list[Example]:
    """A pool of bare questions with worked solutions; `progress` in 0..1 thins the drills out."""
    drills = DRILLS_FIRST + (DRILLS_LAST - DRILLS_FIRST) * min(1.0, 2 * progress)
    return [Example(chat.prompt(p.question), p.solution) for p in training_problems(rng, POOL, drills)]


def batches(
    rng: Random, coder: PreTrainedTokenizerBase, examples: Sequence[Example]
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """One pool of examples as (ids, targets, weights), each [batch, length], of similar lengths; targets in the reply.

    Right padding without a mask: attention is causal, so padding is never seen by a position that counts.
    """
    asked = [len(ids) for ids in coder([example.prompt for example in examples]).input_ids]
    whole = coder([example.prompt + example.reply + chat.END for example in examples]).input_ids
    order = sorted(range(len(examples)), key=lambda i: len(whole[i]))
    chunks, chunk = [], []
    for i in order:
        if chunk and (len(chunk) + 1) * len(whole[i]) > TOKENS_PER_BATCH:
            chunks.append(chunk)
            chunk = []
        chunk.append(i)
    chunks.append(chunk)
    rng.shuffle(chunks)
    pad = coder.pad_token_id
    for chunk in chunks:
        width = max(len(whole[i]) for i in chunk)
        ids = torch.tensor([whole[i] + [pad] * (width - len(whole[i])) for i in chunk])
        targets, weights = torch.full_like(ids, LOSS_FREE), torch.ones(ids.shape)
        for row, i in enumerate(chunk):
            end = len(whole[i])
            targets[row, asked[i] - 1 : end - 1] = ids[row, asked[i] : end]
            if examples[i].verdict:
                weights[row, end - 1 - VERDICT_TOKENS : end - 1] = VERDICT_WEIGHT
        yield ids, targets, weights


def rate_at(progress: float, step: int, flat_until: float) -> float:
    """Warm-up, flat, then one long linear decay, as a factor of the peak rate; `progress` in 0..1."""
    decay = 1.0 if progress < flat_until else max(0.0, (1 - progress) / (1 - flat_until))
    return min(1.0, (step + 1) / WARMUP_STEPS) * (LAST_RATE + (1 - LAST_RATE) * decay)


def new_model(coder: PreTrainedTokenizerBase) -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=len(coder),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=384,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        eos_token_id=coder.eos_token_id,
        pad_token_id=coder.pad_token_id,
        bos_token_id=None,
    )
    return Qwen2ForCausalLM(config)


def train(
    model: Qwen2ForCausalLM,
    coder: PreTrainedTokenizerBase,
    rng: Random,
    budget: int,
    pool: Callable[[Random, float], Sequence[Example]] = worked_solutions,
    rates: Rates = Rates(),
) -> dict:
    """Train in place on `budget` tokens of pool after pool; returns steps, tokens, processor seconds and losses."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    muon, adam = Muon(matrices), torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0)
    step = tokens = 0
    curve, recent, began, progress = [], [], time.process_time(), 0.0
    model.train()
    while progress < 1:
        for ids, targets, weights in batches(rng, coder, pool(rng, progress)):
            hidden = model.model(ids).last_hidden_state
            counted = targets != LOSS_FREE
            each = cross_entropy(model.lm_head(hidden[counted]), targets[counted], reduction="none")
            loss = (each * weights[counted]).sum() / weights[counted].sum()
            loss.backward()
            factor = rate_at(progress, step, rates.flat_until)
            muon.step(rates.muon * factor)
            adam.param_groups[0]["lr"] = rates.adam * factor
            adam.step()
            adam.zero_grad()
            recent.append(loss.item())
            step, tokens = step + 1, tokens + ids.numel()
            progress = min(1.0, tokens / budget)
            if step % 100 == 0 or progress >= 1:
                curve.append(
                    {"step": step, "progress": round(progress, 4), "loss": round(math.fsum(recent) / len(recent), 4)}
                )
                recent.clear()
                print(json.dumps(curve[-1] | {"tokens": tokens}), flush=True)
            if progress >= 1:
                break
    return {
        "steps": step,
        "tokens": tokens,
        "processor_seconds": round(time.process_time() - began),
        "loss": curve,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/teacher"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="tokens of training, padding included")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    rng = Random(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)

    texts = [chat.prompt(p.question) + p.solution for p in training_problems(rng, 20_000, DRILLS_LAST)]
    Qwen2Config().save_pretrained(options.out)  # AutoTokenizer chooses its class by config.json
    coder = chat.build(texts, VOCAB, options.out)
    model = new_model(coder)
    print(f"{model.num_parameters():,} parameters, {len(coder)} tokens in the vocabulary", flush=True)

    began = time.time()
    record = train(model, coder, rng, options.tokens)
    kept = {"mix": MIX, "drills": [DRILLS_FIRST, DRILLS_LAST], "rates": asdict(Rates())}
    save(
        model, coder, options.out, {"seed": options.seed, "wall_seconds": round(time.time() - began), **kept, **record}
    )


def save(model: Qwen2ForCausalLM, coder: PreTrainedTokenizerBase, folder: Path, record: dict) -> None:
    """The weights as bf16, how to end a turn, and the record of the training with the versions that made it."""
    model.to(torch.bfloat16).save_pretrained(folder)
    GenerationConfig(
        eos_token_id=coder.eos_token_id, pad_token_id=coder.pad_token_id, max_new_tokens=256
    ).save_pretrained(folder)
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
    }
    record = {"parameters": model.num_parameters(), "versions": versions, **record}
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
