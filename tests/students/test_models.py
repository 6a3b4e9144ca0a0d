"""Students are trained once, on what they are given, and asked."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace

import pytest

from ot_resources.environments import resources
from ot_resources.generators.embedded import REVISION
from ot_resources.interfaces import BadInput, Message, Request, Sampling, Students
from ot_resources.students.models import Models
from ot_resources.students.resource import StudentModels
from ot_resources.students.train import _ByLength
from ot_resources.students.working import _surroundings
from tests.students.base import TINY, models, rows, weights


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    """Two seeds, trained side by side."""
    at = models(tmp_path_factory.mktemp("trained"), small)
    return at, list(at.train(rows(), TINY, [0, 1]))


def test_one_student_a_seed_and_the_record_of_each(trained):
    at, (first, second) = trained
    assert (first.seed, second.seed) == (0, 1) and first.student != second.student
    assert first.rows == 40 and first.steps == 15 and first.error is None
    assert first.base.startswith("tiny@") and 0 < first.loss < 20 and first.seconds > 0
    assert weights(at, first.student) != weights(at, second.student)
    assert sorted(path.name for path in at.folder.iterdir() if path.is_dir()) == sorted([first.student, second.student])


def test_it_learns_from_the_last_turn_only_with_the_end_of_the_turn(trained, small):
    from transformers import AutoTokenizer

    coder = AutoTokenizer.from_pretrained(small)
    replies = [messages[-1].content for messages in rows()()]
    # the chat template ends the turn by <|im_end|> and a line break
    learned = sum(len(coder(reply + "<|im_end|>\n").input_ids) for reply in replies)
    assert trained[1][0].tokens == 3 * learned


def test_a_second_call_trains_nothing(trained):
    at, before = trained
    times = [(at.folder / one.student / "model.safetensors").stat().st_mtime_ns for one in before]
    assert list(at.train(rows(), TINY, [1, 0])) == [before[1], before[0]]
    assert [(at.folder / one.student / "model.safetensors").stat().st_mtime_ns for one in before] == times


def test_other_rows_another_order_or_another_training_make_another_student(trained):
    at, before = trained

    def key(given=None, training=TINY, seed=0) -> str:
        return at.keys(given or rows(), training, [seed])[seed]

    backwards = list(reversed(list(rows()())))
    keys = [key(), key(rows(seed=1)), key(lambda: iter(backwards)), key(seed=2)]
    keys += [key(training=replace(TINY, rate=2e-3)), key(training=replace(TINY, lora=4))]
    assert len(set(keys)) == len(keys) and keys[0] == before[0].student


def test_the_student_answers_and_its_answers_are_kept(trained):
    at, (first, _) = trained
    asked = [
        Request((Message("user", "What is 3 + 4?"),), Sampling(temperature=0.7, max_tokens=8), n) for n in range(3)
    ]
    with at.open(first.student) as student:
        answers = list(student.generate(asked))
    assert all(answer.error is None and answer.completion_tokens > 0 for answer in answers)
    assert answers[0].model.startswith(f"embedded:{first.student}@")
    with at.open(first.student) as student:
        assert list(student.generate(asked)) == answers
    assert [generator.usage.answered for generator in at.generators[-2:]] == [3, 0]


def test_an_unknown_student_is_named(trained):
    with pytest.raises(BadInput, match="no student 0123456789abcdef in"), trained[0].open("0123456789abcdef"):
        pass
    with pytest.raises(BadInput, match="no student"), trained[0].open("../outside"):
        pass


def test_a_student_that_diverges_ends_with_its_error_and_stops_nobody(small, tmp_path):
    at = models(tmp_path, small)
    steep = replace(TINY, rate=1e30, warmup=0.0)
    (lost,) = at.train(rows(), steep, [0])
    assert lost.error is not None and lost.error.startswith("diverged at step ") and math.isnan(lost.loss)
    assert lost.steps < 15
    assert not (at.folder / lost.student / "model.safetensors").exists()
    assert [again.error for again in at.train(rows(), steep, [0])] == [lost.error]
    with pytest.raises(BadInput, match="no student"), at.open(lost.student):
        pass


def test_an_adapter_is_merged_into_the_whole_model(small, tmp_path):
    pytest.importorskip("peft")
    at = models(tmp_path, small)
    (adapted,) = at.train(rows(), replace(TINY, lora=4, epochs=1.0), [0])
    made = at.folder / adapted.student
    assert adapted.error is None and not (made / "adapter_config.json").exists()
    assert weights(at, adapted.student) != _hash_of(small)
    with at.open(adapted.student) as student:
        (answer,) = student.generate([Request((Message("user", "Hi"),), Sampling(max_tokens=4))])
    assert answer.error is None


def _hash_of(folder) -> str:
    return weights(Models(folder.parent, "", "", "", False), folder.name)


@pytest.mark.parametrize(
    ("base", "training", "said"),
    [
        ("", TINY, "say which base is trained"),
        ("tiny", replace(TINY, packing=True), "packing needs flash attention"),
        ("empty", TINY, "no model in"),
    ],
)
def test_what_cannot_be_trained_is_one_line(base, training, said, small, tmp_path):
    (tmp_path / "empty").mkdir()
    at = models(tmp_path, {"tiny": small, "empty": tmp_path / "empty"}.get(base, base))
    with pytest.raises(BadInput, match=said) as raised:
        list(at.train(rows(), training, [0]))
    assert "\n" not in str(raised.value)
    assert not [path for path in at.folder.glob(".*") if path.is_dir()], "nothing is left behind"


def test_no_rows_teach_nothing(small, tmp_path):
    with pytest.raises(BadInput, match="no rows to learn from"):
        list(models(tmp_path, small).train(lambda: iter(()), TINY, [0]))


def test_as_many_at_once_as_there_are_cores_or_trainings(tmp_path):
    cores = len(os.sched_getaffinity(0))
    assert models(tmp_path, "x")._at_once(100) == cores
    assert models(tmp_path, "x")._at_once(1) == 1
    assert models(tmp_path, "x", workers=3)._at_once(5) == 3
    assert replace(models(tmp_path, "x"), on_gpu=True)._at_once(5) == 1


def test_batches_hold_rows_of_like_length_and_hang_on_seed_and_epoch_alone():
    lengths = [(7 * i) % 50 for i in range(103)]

    def order(seed=0, epoch=0):
        sampler = _ByLength(lengths, 8, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    first = order()
    assert sorted(first) == list(range(103)) and order() == first
    assert order(epoch=1) != first != order(seed=1)
    batches = [first[i : i + 8] for i in range(0, 103, 8)]
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches[:-1]]
    assert max(spread) <= 10
    means = [sum(lengths[i] for i in batch) / len(batch) for batch in batches]
    assert means != sorted(means), "from short to long would teach in that order"


def test_what_is_exported_can_be_trained_elsewhere(small, tmp_path):
    import yaml

    at = models(tmp_path, small)
    training = replace(TINY, base="Qwen/Qwen2.5-7B-Instruct", batch=96, rate=1e-5, context=16_384, packing=True)
    (zero, one) = at.export(rows(5), training, [0, 1])
    assert zero.student != one.student and zero.tokens == 0 and zero.steps == 3 and zero.base == training.base
    folder = at.folder / zero.student
    told = yaml.safe_load((folder / "train.yaml").read_text())
    assert told["per_device_train_batch_size"] * told["gradient_accumulation_steps"] * 8 == 96
    assert (told["learning_rate"], told["num_train_epochs"], told["cutoff_len"]) == (1e-5, 3, 16_384)
    assert told["neat_packing"] and told["lr_scheduler_type"] == "cosine" and told["warmup_ratio"] == 0.1
    assert (folder / told["deepspeed"]).exists() and told["seed"] == 0
    info = json.loads((folder / "dataset_info.json").read_text())[told["dataset"]]
    lines = (folder / info["file_name"]).read_text().splitlines()
    turns = [json.loads(line)[info["columns"]["messages"]] for line in lines]
    assert [[turn[info["tags"]["content_tag"]] for turn in row] for row in turns] == [
        [message.content for message in messages] for messages in rows(5)()
    ]
    assert {turn[info["tags"]["role_tag"]] for row in turns for turn in row} == {
        info["tags"]["user_tag"],
        info["tags"]["assistant_tag"],
    }


def test_what_was_handed_in_stays_where_it_is_exported_anew(small, tmp_path):
    at, training = models(tmp_path, small), replace(TINY, base="Qwen/Qwen2.5-7B-Instruct")
    (first,) = at.export(rows(5), training, [0])
    folder = at.folder / first.student
    written = {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}
    (folder / "scores" / "aime24.json").write_text("{}")
    (folder / "train.yaml").unlink()
    (again,) = at.export(rows(5), training, [0])
    assert again.student == first.student and (folder / "scores" / "aime24.json").read_text() == "{}"
    assert {file.name: file.read_text() for file in folder.iterdir() if file.is_file()} == written
    assert [path for path in at.folder.rglob("*") if path.name.startswith(".")] == []


def test_the_embedded_student_is_not_exported(tmp_path):
    with pytest.raises(BadInput, match="train: elsewhere needs a base"):
        list(models(tmp_path, "embedded").export(rows(5), TINY, [0]))


def test_the_students_of_an_environment(data_root, small, monkeypatch):
    students = resources()["students"]
    assert isinstance(students, StudentModels) and students.trained_by("", "", None).startswith("trl 1.")
    assert "; cpu; embedded:student@" in students.trained_by("", "", None)
    assert students.asked_by == f"embedded engine, revision {REVISION}"
    given = students.students("run 1", "study/variant/student")
    assert (given.folder, given.run_id, given.asset) == (data_root / "students", "run 1", "study/variant/student")
    monkeypatch.setenv("OT_STUDENT", str(small))
    assert "; tiny@" in resources()["students"].trained_by("", "", None)
    monkeypatch.chdir(small.parent)
    monkeypatch.setenv("OT_STUDENT", "tiny")
    assert resources()["students"].base == str(small)
    monkeypatch.setenv("OT_STUDENT", "Qwen/Qwen2.5-0.5B-Instruct")
    with pytest.raises(BadInput, match="OT_STUDENT=Qwen/Qwen2.5-0.5B-Instruct: no such folder"):
        resources()
    monkeypatch.setenv("OT_ENV", "gpu")
    monkeypatch.setenv("OT_TEACHER", "server:x@http://localhost:1/v1")
    on_gpu = resources()["students"]
    assert on_gpu.on_gpu and on_gpu.asked_by == "vllm engine"
    assert on_gpu.trained_by("", "", None).endswith("; cuda; Qwen/Qwen2.5-0.5B-Instruct")
    assert on_gpu.trained_by("Qwen/Qwen3-4B", "a1b2", None).endswith("; cuda; Qwen/Qwen3-4B@a1b2")
    monkeypatch.setenv("OT_STUDENT", "./nowhere")
    with pytest.raises(BadInput, match="OT_STUDENT=./nowhere: no such folder"):
        resources()
    monkeypatch.delenv("OT_STUDENT")
    assert resources()["students"].trained_by("", "", None).endswith("; cuda")


def test_other_weights_in_the_folder_of_a_base_are_another_base(tmp_path):
    base = tmp_path / "embedded:base"
    base.mkdir()
    (tmp_path / "to").mkdir()
    (base / "config.json").write_text("{}")
    at = models(tmp_path, "embedded")
    training = replace(TINY, base=str(base))

    def told():
        return at.trained_by(training), at.keys(rows(8), training, [0])[0]

    before = told()
    assert told() == before and "; cpu; embedded_base@" in before[0], "it does not pass for the project's own"
    (base / "model.safetensors").write_bytes(b"other")
    assert all(one != other for one, other in zip(told(), before, strict=True))
    key, moved = told()[1], base.rename(tmp_path / "moved").rename(tmp_path / "to" / "embedded:base")
    assert at.keys(rows(8), replace(training, base=str(moved)), [0])[0] == key, "where it is does not matter"


def test_what_a_cpu_began_is_not_gone_on_with_on_a_gpu(tmp_path):
    at = models(tmp_path, "embedded")
    on_gpu = replace(at, on_gpu=True)
    assert at.keys(rows(8), TINY, [0]) != on_gpu.keys(rows(8), TINY, [0])
    assert at.prepare(rows(8), TINY, 0).device == "cpu" and on_gpu.prepare(rows(8), TINY, 0).device == "cuda"


def test_a_training_is_given_no_secrets_but_those_of_the_hub(monkeypatch):
    for name in ("OT_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HF_TOKEN"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("HF_HOME", "somewhere")
    here, hub = _surroundings(on_the_hub=False), _surroundings(on_the_hub=True)
    assert "secret" not in here.values() and here["HF_HOME"] == "somewhere" and here["PATH"]
    assert [name for name, value in hub.items() if value == "secret"] == ["HF_TOKEN"]


def test_what_stands_for_the_students_is_what_the_stages_ask_for(tmp_path):
    assert isinstance(models(tmp_path, "embedded"), Students)
