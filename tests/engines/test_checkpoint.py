from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ot_resources.generators.checkpoint import identity
from ot_resources.generators.engine import Options
from ot_resources.interfaces import BadInput


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "Model-1B"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "tokenizer.json").write_text("{}")
    (made / "model-00001-of-00002.safetensors").write_bytes(b"a" * 1000)
    (made / "model-00002-of-00002.safetensors").write_bytes(b"b" * 1000)
    return made


def test_a_folder_is_called_by_its_name_and_content(folder):
    name, _, digits = identity(str(folder), Options()).partition("@")
    assert name == "Model-1B"
    assert len(digits) == 12
    int(digits, 16)


def test_the_way_to_a_folder_does_not_change_its_name(folder, tmp_path, monkeypatch):
    plain = identity(str(folder), Options())
    (tmp_path / "link").symlink_to(folder)
    elsewhere = tmp_path / "elsewhere" / "Model-1B"
    shutil.copytree(folder, elsewhere)
    monkeypatch.chdir(tmp_path)
    ways = (f"{folder}/", "link", "link/", "Model-1B", str(elsewhere))
    assert {identity(way, Options()) for way in ways} == {plain}


@pytest.mark.parametrize("file", ["model-00002-of-00002.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_what_decides_the_answers_changes_the_name(folder, file):
    before = identity(str(folder), Options())
    (folder / file).write_text("another")
    assert identity(str(folder), Options()) != before


def test_a_readme_does_not(folder):
    before = identity(str(folder), Options())
    (folder / "README.md").write_text("about it")
    assert identity(str(folder), Options()) == before


def test_a_change_of_the_same_length_is_seen(folder):
    before = identity(str(folder), Options())
    weights = folder / "model-00001-of-00002.safetensors"
    weights.write_bytes(b"c" * 1000)
    state = weights.stat()
    os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert identity(str(folder), Options()) != before


def test_how_it_is_run_is_in_the_name_where_it_decides_the_answers(folder, tmp_path):
    lora = tmp_path / "lora"
    lora.mkdir()
    (lora / "adapter_model.safetensors").write_bytes(b"l")
    changed = [
        Options(),
        Options(context=2048),
        Options(dtype="float32"),
        Options(quantization="awq"),
        Options(lora=str(lora)),
    ]
    assert len({identity(str(folder), options) for options in changed}) == len(changed)
    same = [Options(tensor_parallel=2), Options(memory=0.5), Options(concurrency=7), Options(timeout=1.0)]
    assert {identity(str(folder), options) for options in same} == {identity(str(folder), Options())}
    with_lora = identity(str(folder), Options(lora=str(lora)))
    (lora / "adapter_model.safetensors").write_bytes(b"other")
    assert identity(str(folder), Options(lora=str(lora))) != with_lora


def test_large_weights_are_told_apart_by_pieces_of_them(folder):
    large = folder / "model.safetensors"
    with large.open("wb") as file:
        file.truncate(300 << 20)
    before = identity(str(folder), Options())
    with large.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"retrained")
    assert identity(str(folder), Options()) != before


def test_a_name_on_the_hub_comes_with_its_revision_and_what_is_unusual():
    assert identity("Qwen/Qwen3-0.6B", Options()) == "Qwen/Qwen3-0.6B@main"
    asked = Options(revision="abc", context=2048, dtype="float32")
    assert identity("Qwen/Qwen3-0.6B", asked) == "Qwen/Qwen3-0.6B@abc+context=2048+dtype=float32"


def test_the_miniatures_are_marked_as_such(teacher, tmp_path):
    assert identity(str(teacher), Options()).startswith("embedded:teacher@")
    copy = tmp_path / "teacher"
    shutil.copytree(teacher, copy)
    assert identity(str(copy), Options()) == identity(str(teacher), Options()).removeprefix("embedded:")


def test_a_folder_without_a_model_has_no_name(tmp_path):
    with pytest.raises(BadInput, match="no model in"):
        identity(str(tmp_path), Options())
