"""What somebody needs who trains a student elsewhere, with LLaMA-Factory: the rows, its configuration, how to go on.

LLaMA-Factory's keys: https://github.com/hiyouga/LLaMA-Factory, data/README.md and examples/train_full.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ot_resources.interfaces import Message, Training
from ot_resources.unfinished import beside

_DATASET = "rows"
# One node of eight, as OpenThoughts' smaller models were trained on; the batch is spread over them.
_GPUS = 8
_ROLES = {"user": "user", "assistant": "assistant", "system": "system"}

# ZeRO stage 3 with what LLaMA-Factory fills in ("auto").
_ZERO_3: dict[str, Any] = {
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "bf16": {"enabled": "auto"},
    "zero_optimization": {
        "stage": 3,
        "overlap_comm": False,
        "contiguous_gradients": True,
        "stage3_gather_16bit_weights_on_model_save": True,
    },
}


def export(
    folder: Path, conversations: Iterable[tuple[Message, ...]], training: Training, base: str, seed: int, steps: int
) -> None:
    """Write data.jsonl, dataset_info.json, zero3.json, train.yaml and README.md.

    A new folder appears whole; in one that is there each file is made anew, and the scores stay.
    """
    work = beside(folder)
    work.mkdir(parents=True)
    with (work / "data.jsonl").open("w", encoding="utf-8") as file:
        for messages in conversations:
            turns = [{"from": _ROLES[m.role], "value": m.content} for m in messages]
            file.write(json.dumps({"conversations": turns}, ensure_ascii=False) + "\n")
    (work / "dataset_info.json").write_text(json.dumps({_DATASET: _columns()}, indent=2) + "\n")
    (work / "zero3.json").write_text(json.dumps(_ZERO_3, indent=2) + "\n")
    (work / "train.yaml").write_text(_config(training, base, seed))
    (work / "README.md").write_text(_readme(folder.name, training, base, steps))
    if not folder.exists():
        (work / "scores").mkdir()
        work.replace(folder)
        return
    # One by one: the scores that were handed in are never without their place. The last says that all are there.
    for written in sorted(work.iterdir(), key=lambda file: file.name == "train.yaml"):
        written.replace(folder / written.name)
    work.rmdir()


def _columns() -> dict[str, Any]:
    tags = {"role_tag": "from", "content_tag": "value", "user_tag": "user", "assistant_tag": "assistant"}
    return {
        "file_name": "data.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations"},
        "tags": tags | {"system_tag": "system"},
    }


def _config(training: Training, base: str, seed: int) -> str:
    gpus = math.gcd(training.batch, _GPUS)
    told: dict[str, Any] = {
        "model_name_or_path": base,
        "trust_remote_code": False,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "full" if training.lora is None else "lora",
        "deepspeed": "zero3.json",
        "dataset_dir": ".",
        "dataset": _DATASET,
        "template": "qwen",
        "cutoff_len": training.context,
        "packing": training.packing,
        "neat_packing": training.packing,
        "overwrite_cache": True,
        "preprocessing_num_workers": 16,
        "output_dir": "output",
        "logging_steps": 1,
        "save_strategy": "epoch",
        "save_only_model": False,
        "plot_loss": True,
        "overwrite_output_dir": False,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": training.batch // gpus,
        "learning_rate": training.rate,
        "num_train_epochs": training.epochs,
        "lr_scheduler_type": "cosine",
        "warmup_ratio": training.warmup,
        "weight_decay": training.weight_decay,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "max_grad_norm": 1.0,
        "bf16": True,
        "gradient_checkpointing": True,
        "enable_liger_kernel": True,
        "flash_attn": "fa2",
        "ddp_timeout": 180000000,
        "seed": seed,
        "report_to": "none",
    }
    if training.revision:
        told |= {"model_revision": training.revision}
    if training.lora is not None:
        told |= {"lora_rank": training.lora, "lora_alpha": 2 * training.lora, "lora_target": "all"}
    head = (
        f"# {training.batch} rows a step: 1 x gradient_accumulation_steps x {gpus} GPUs. Change both together.\n"
        "# `template: qwen` is Qwen2.5's; OpenThoughts3 trained with its own fork, where it is called qwen25.\n"
    )
    return head + yaml.safe_dump(told, sort_keys=False)


def _readme(student: str, training: Training, base: str, steps: int) -> str:
    packed = " (fewer where rows are packed)" if training.packing else ""
    return f"""# Student {student}

`{base}`, {training.epochs:g} epochs, batch {training.batch}, rate {training.rate:g}, {training.context:,} tokens:
about {steps:,} steps{packed}.

    cd THIS_FOLDER
    FORCE_TORCHRUN=1 llamafactory-cli train train.yaml

`data.jsonl` holds the rows, `dataset_info.json` tells LLaMA-Factory their form. Evaluate what comes out with evalchemy
or lighteval, and hand the results in:

    ot scores STUDY VARIANT results.json
"""
