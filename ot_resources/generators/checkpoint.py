"""What a model is called by what is in it, so that its name changes exactly when its answers may."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from ot_resources.generators.engine import Options
from ot_resources.interfaces import BadInput

# The models that the project has trained itself.
TEACHER_FOLDER = Path(__file__).parents[2] / "data" / "teacher"
JUDGE_FOLDER = TEACHER_FOLDER.with_name("judge")

# Weights, configuration, tokenizer and template: what decides the answers. A README does not.
_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")
_TEXTS = re.compile(
    r"(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|params|tekken"
    r"|adapter_config|quantize_config|chat_template)\.json|merges\.txt|vocab\.txt|chat_template\.jinja|.*\.model"
)
_MB = 1 << 20
# A larger file is known by samples of it.
_WHOLE = 256 * _MB
_SAMPLES = 64


def identity(model: str, options: Options) -> str:
    """`{folder}@{12 hex digits}` for a folder, `{name}@{revision}` for a name on the Hub.

    The digits are a hash over the files that decide the answers and over context, dtype, quantisation and LoRA; for the
    Hub these follow the revision where they are not the usual ones. Where a folder is, through which links it is
    reached and how many GPUs share it does not matter. The models that come with the project begin with `embedded:`.
    """
    folder = Path(model)
    if not folder.is_dir():
        return "+".join([f"{model}@{options.revision or 'main'}", *_unusual(options)])
    folder = folder.resolve()
    digest = hashlib.sha256(", ".join(_unusual(options)).encode())
    digest.update(folder_hash(folder).encode())
    own = "embedded:" if folder in (TEACHER_FOLDER.resolve(), JUDGE_FOLDER.resolve()) else ""
    return f"{own}{folder.name}@{digest.hexdigest()[:12]}"


def folder_hash(folder: Path) -> str:
    """Over names and contents of the files that decide the answers; BadInput if there are none.

    A file of up to 256 MB is read whole. Of a larger one, its length and 64 pieces of 1 MB that are spread evenly from
    its first byte to its last, the names and shapes of a safetensors file among them. That tells one training from
    another, and one download cut short from a whole one; it does not tell that somebody changed a few numbers by hand.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix in _WEIGHTS or _TEXTS.fullmatch(path.name))
    if not files:
        raise BadInput(f"no model in {folder}: expected config.json, *.safetensors and a tokenizer")
    digest = hashlib.sha256()
    for path in files:
        state = path.stat()
        digest.update(f"{path.name} {_file_hash(path.resolve(), state.st_size, state.st_mtime_ns)}\n".encode())
    return digest.hexdigest()


@lru_cache(4096)
def _file_hash(path: Path, size: int, changed: int) -> str:
    """Read once a process for as long as size and time of change (ns) stay."""
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= _WHOLE:
            while piece := file.read(_MB):
                digest.update(piece)
        else:
            for number in range(_SAMPLES):
                file.seek((size - _MB) * number // (_SAMPLES - 1))
                digest.update(file.read(_MB))
    return digest.hexdigest()


def _unusual(options: Options) -> list[str]:
    """What else decides the answers, where it is not as the model was made."""
    lora = options.lora
    if lora and Path(lora).is_dir():
        lora = f"{Path(lora).resolve().name}@{folder_hash(Path(lora).resolve())[:12]}"
    said = {"context": options.context, "quantization": options.quantization, "lora": lora}
    said["dtype"] = None if options.dtype == "auto" else options.dtype
    return [f"{name}={value}" for name, value in sorted(said.items()) if value]
