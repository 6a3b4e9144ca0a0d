"""One training in a process of its own: `python -m ot_resources.students.train SPEC.json`, by TRL.

It says on its standard output how it goes, in lines of JSON: {"step", "steps", "loss", "rate"} now and then (`rate` in
tokens a second), at the end {"done": true}, or {"refused": "one line"} where the base cannot be trained. It ends itself
when its standard input ends: that is held open by who started it, so nobody's training goes on after them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from ot_resources.files import first_line
from ot_resources.interfaces import BadInput, Trained, Training
from ot_resources.students.spec import RECORD, Spec

# Written into a checkpoint when all of it is there, with the seconds that the training had taken by then.
WHOLE = "whole.json"
_SAY_SECONDS = 2.0
# Tokens, padding included, that one device takes through the model at once.
_TOKENS_AT_ONCE = 16_384
# LLaMA-Factory's too.
_LARGEST_GRADIENT = 1.0
_NOT_LEARNED = -100


def main(spec_file: str) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    spec = Spec.read(Path(spec_file))
    with _only_one(spec.lock):
        if not (spec.out / RECORD).exists():
            try:
                if spec.device == "cuda":
                    _on_all_devices(spec_file)
                _train(spec)
            except BadInput as refusal:
                _say(refused=str(refusal))
                sys.exit(2)
    _say(done=True)


def _end_with_parent() -> None:
    while os.read(0, 1 << 16):  # not by `sys.stdin`: its lock would be held when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def _only_one(lock: Path) -> Any:
    """One training at a time in one folder, whoever started it; the kernel lets go when a process ends."""
    if "LOCAL_RANK" in os.environ:  # the process that launched this one holds it
        yield
        return
    with lock.open("a") as file:
        os.set_inheritable(file.fileno(), True)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _on_all_devices(spec_file: str) -> None:
    """Where there are several GPUs, go on as one process each, the weights spread over them (FSDP). BadInput: none."""
    import torch

    if not torch.cuda.is_available():
        raise BadInput("student: no GPU that torch can use; OT_ENV=local trains on the CPU")
    devices = torch.cuda.device_count()
    if devices < 2 or "LOCAL_RANK" in os.environ:
        return
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", str(devices)]
    launcher += ["--num_machines", "1", "--mixed_precision", "bf16", "--dynamo_backend", "no"]
    launcher += ["--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"]
    launcher += ["--fsdp_state_dict_type", "FULL_STATE_DICT", "--fsdp_cpu_ram_efficient_loading", "true"]
    os.execv(sys.executable, [*launcher, "-m", __spec__.name, spec_file])


def _train(spec: Spec) -> None:
    """Train from the last whole checkpoint on; at the end `spec.out` appears, and `spec.work` goes."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(1 if spec.device == "cpu" else torch.get_num_threads())
    tokenizer, model = _load(spec)
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    rows = Dataset.from_json(str(spec.rows), cache_dir=str(spec.work / "datasets"))
    progress = _Progress(spec)
    trainer = _trainer(spec, tokenizer, model, rows, progress)
    learned = sum(sum(label != _NOT_LEARNED for label in labels) for labels in trainer.train_dataset["labels"])
    trainer.train(resume_from_checkpoint=progress.checkpoint)
    steps = trainer.state.global_step
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    error = progress.error or _broken_weights(trainer.model, steps)
    if error is None:
        _save(trainer, spec)
    if not trainer.is_world_process_zero():
        return
    trained = Trained(
        seed=spec.seed,
        student=spec.out.name,
        base=spec.called,
        rows=len(rows),
        tokens=round(learned * spec.training.epochs),
        steps=steps,
        loss=math.nan if error else math.fsum(last := losses[-max(1, len(losses) // 10) :]) / len(last),
        seconds=progress.seconds,
        error=error,
    )
    made = spec.work / "model"
    if error:
        shutil.rmtree(made, ignore_errors=True)
    made.mkdir(exist_ok=True)
    (made / RECORD).write_text(json.dumps(asdict(trained) | ({"loss": None} if error else {})) + "\n")
    _flush(made)
    made.replace(spec.out)
    shutil.rmtree(spec.work)


def _load(spec: Spec) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        revision = spec.training.revision or "main"
        tokenizer = AutoTokenizer.from_pretrained(spec.base, revision=revision, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            spec.base,
            revision=revision,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation=_attention(spec.training),
        )
    except (OSError, ValueError) as error:
        raise BadInput(f"student: base {spec.base} cannot be loaded ({first_line(error)})") from None
    if not tokenizer.chat_template:
        raise BadInput(f"student: base {spec.base} has no chat template; name the instruct model")
    return tokenizer, model


def _attention(training: Training) -> str:
    """Packed conversations must not see each other: only flash attention keeps them apart."""
    if not training.packing:
        return "sdpa"
    from importlib.util import find_spec

    if find_spec("flash_attn") is None:
        raise BadInput("student: packing needs flash attention: pip install flash-attn, or set packing: false")
    return "flash_attention_2"


def _trainer(spec: Spec, tokenizer: Any, model: Any, rows: Any, progress: _Progress) -> Any:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    training, on_gpu = spec.training, spec.device == "cuda"
    devices = int(os.environ.get("WORLD_SIZE", "1"))
    if training.batch % devices:
        raise BadInput(f"student: a batch of {training.batch} cannot be spread evenly over {devices} GPUs")
    share = training.batch // devices
    most = max(1, _TOKENS_AT_ONCE // training.context)
    at_once = next(n for n in range(min(share, most), 0, -1) if share % n == 0)
    config = SFTConfig(
        output_dir=str(spec.work / "checkpoints"),
        num_train_epochs=training.epochs,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=share // at_once,
        learning_rate=training.rate,
        lr_scheduler_type="cosine",
        warmup_steps=training.warmup,  # a share of the steps where it is below 1
        weight_decay=training.weight_decay,
        adam_beta1=0.9,
        adam_beta2=0.999,
        max_grad_norm=_LARGEST_GRADIENT,
        max_length=training.context,
        packing=training.packing,
        completion_only_loss=True,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=on_gpu,
        seed=spec.seed,
        data_seed=spec.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        save_steps=spec.every,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=on_gpu,
    )
    trainer = _grouping(SFTTrainer, at_once * devices)(
        model=model,
        args=config,
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=[progress.callback()],
        peft_config=_lora(training),
    )
    return trainer


def _grouping(kind: type[Any], batch: int) -> type[Any]:
    """A trainer whose batches hold rows of similar length, shuffled by seed and epoch alone.

    transformers' own grouping draws from the generator that a checkpoint restores in the middle of an epoch: a training
    that was interrupted would see other batches.
    """

    class Grouping(kind):  # type: ignore[misc]
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            lengths = [len(ids) for ids in (train_dataset or self.train_dataset)["input_ids"]]
            return _ByLength(lengths, batch, self.args.data_seed)

        def create_model_card(self, *_: Any, **__: Any) -> None:
            """None: it is written for the Hub."""

    return Grouping


class _ByLength:
    """Rows in the order of an epoch: shuffled, sorted by length within some fifty batches, these batches shuffled."""

    POOL = 50

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed, self._epoch = lengths, batch, seed, 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng, rows = Random(f"{self._seed} {self._epoch}"), list(range(len(self._lengths)))
        rng.shuffle(rows)
        if self._batch == 1:
            return iter(rows)
        size = self._batch * self.POOL
        pools = [sorted(rows[i : i + size], key=self._lengths.__getitem__) for i in range(0, len(rows), size)]
        batches = [pool[i : i + self._batch] for pool in pools for i in range(0, len(pool), self._batch)]
        # It must come last: whoever reads this cuts batches off its front.
        short = [batch for batch in batches if len(batch) < self._batch]
        batches = [batch for batch in batches if len(batch) == self._batch]
        rng.shuffle(batches)
        return iter([row for batch in (*batches, *short) for row in batch])


def _lora(training: Training) -> Any:
    if training.lora is None:
        return None
    try:
        from peft import LoraConfig
    except ImportError:
        raise BadInput("student: lora needs PEFT: pip install ot-assets[lora]") from None
    return LoraConfig(r=training.lora, lora_alpha=2 * training.lora, target_modules="all-linear", task_type="CAUSAL_LM")


class _Progress:
    """What happens between two steps: a word on how it goes, an end where the loss is no number, whole checkpoints."""

    def __init__(self, spec: Spec) -> None:
        self.error: str | None = None
        self.checkpoint, self._before = _last_whole(spec.work / "checkpoints")
        self._began = self._said = time.monotonic()

    @property
    def seconds(self) -> float:
        """Of training, those before the last interruption included."""
        return round(self._before + time.monotonic() - self._began, 1)

    def callback(self) -> Any:
        from transformers import TrainerCallback

        told = self

        class Callback(TrainerCallback):
            first: tuple[float, int] | None = None

            def on_log(self, args: Any, state: Any, control: Any, **given: Any) -> None:
                logs: dict[str, Any] = given["logs"]
                if "loss" not in logs:
                    return
                if not math.isfinite(logs["loss"]):
                    told.error = f"diverged at step {state.global_step}: loss {logs['loss']}"
                    control.should_training_stop = True
                    control.should_save = False
                    return
                now, tokens = time.monotonic(), int(logs["num_tokens"])
                self.first = self.first or (now, tokens)
                if state.is_world_process_zero and now - told._said > _SAY_SECONDS:
                    told._said = now
                    rate = (tokens - self.first[1]) / max(1e-9, now - self.first[0])
                    _say(step=state.global_step, steps=state.max_steps, loss=logs["loss"], rate=round(rate))

            def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                if state.is_world_process_zero:
                    folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
                    _flush(folder)
                    (folder / WHOLE).write_text(json.dumps({"seconds": told.seconds}))

        return Callback()


def _last_whole(folder: Path) -> tuple[str | None, float]:
    """The last checkpoint that was written to its end, and the seconds until then. What was cut off is removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    whole = [path for path in found if (path / WHOLE).exists()]
    if "LOCAL_RANK" not in os.environ:
        for path in set(found) - set(whole):
            shutil.rmtree(path)
    if not whole:
        return None, 0.0
    try:
        return str(whole[-1]), float(json.loads((whole[-1] / WHOLE).read_text())["seconds"])
    except ValueError:  # cut off in its last bytes; what it marks is whole
        return str(whole[-1]), 0.0


def _broken_weights(model: Any, step: int) -> str | None:
    """The last step may break what its own loss does not show."""
    import torch

    if all(bool(torch.isfinite(weights).all()) for weights in model.parameters()):
        return None
    return f"diverged at step {step}: weights that are no numbers"


def _save(trainer: Any, spec: Spec) -> None:
    """The whole model in bfloat16, as it is released and served; an adapter is merged into its base."""
    folder = spec.work / "model"
    shutil.rmtree(folder, ignore_errors=True)
    trainer.save_model(str(folder))
    if not trainer.is_world_process_zero():
        return
    if spec.training.lora is not None:
        from peft import PeftModel

        adapter = folder.replace(spec.work / "adapter")
        merged = PeftModel.from_pretrained(_load(spec)[1], str(adapter)).merge_and_unload()
        merged.save_pretrained(str(folder))
        trainer.processing_class.save_pretrained(str(folder))
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle, and nobody reads it
    for file in folder.glob("*.safetensors"):
        _halve(file)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}, indent=2) + "\n")


def _halve(file: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(file)
    save_file({name: w.to(torch.bfloat16) for name, w in weights.items()}, file, metadata={"format": "pt"})


def _flush(folder: Path) -> None:
    """To disk before anything says that it is there."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _say(**what: Any) -> None:
    sys.__stdout__.write(json.dumps(what) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    _stdout, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no line of ours
    main(sys.argv[1])
