"""Values that no recipe should have: one line, soon, whatever they are and wherever they stand."""

from __future__ import annotations

import os
import time

import pytest
import yaml

from ot_assets.recipes.library import recipes
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.yaml_text import parse
from ot_resources.interfaces import BadInput
from tests.recipes.small import math, recipe, write_recipe

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "more than 20,000 values"),
        ("name: 2023-01-02", "2023-01-02 is read as a date"),
        ("name: 2023-99-99", "cannot be read"),
        ("1: 2", "the key 1 is no text"),
        ('name: "a\\0b"', "the character NUL"),
        ("scale: .inf", "inf is no number to work with"),
        ("rows: 99999999999999999999", "too large a number"),
        ("name: !!binary aGk=", "a value of the kind bytes"),
        ("name: !!python/name:os.system", "could not determine a constructor"),
    ],
    ids=["aliases", "date", "no date", "key", "NUL", "infinity", "number", "bytes", "python"],
)
def test_a_value_that_has_no_place_in_a_recipe(tmp_path, text, told):
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    started = time.monotonic()
    with pytest.raises(BadInput) as caught:
        load_recipe(file)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 5


def test_what_recipes_are_made_of_is_read():
    assert parse("a: [1, 0.5, yes, null, {b: text}]") == {"a": [1, 0.5, True, None, {"b": "text"}]}
    with pytest.raises(yaml.YAMLError):
        parse("a: [")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"use": "taco", "id": "mine", "split": "../../evil"}, "split: the name of a split"),
        ({"use": "taco", "id": "mine", "split": "*"}, "split: the name of a split"),
        ({"use": ["taco"], "id": "mine"}, "use: a name of the catalogue"),
        ({"use": "taco", "path": "questions.parquet", "question": "problem"}, "'taco' of the catalogue has no 'path'"),
        ({"path": "", "question": "problem"}, "'path' is missing"),
        ({"path": "questions.parquet", "question": "problem", "id": ""}, "id: '' must be"),
        ({"id": "mine", "from": "taco", "write": {"use": "evolve", "domain": "zzz"}}, "write.domain"),
        ({"id": "mine", "from": "taco", "write": {"use": "evolve", "source": "x"}}, "'source' cannot be set"),
        ({"recipe": ["stratos_17k"]}, "recipe: the name of a recipe"),
    ],
)
def test_a_source_of_another_kind(tmp_path, source, told):
    body = recipe()
    math(body)[0]["sources"] = [source]
    with pytest.raises(BadInput) as caught:
        load_recipe(write_recipe(tmp_path, body))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ({"dedup": {"use": "exact", "published": [2, 1]}}, "'published' is a number of rows"),
        ({"dedup": {"use": "exact", "published": True}}, "'published' is a number of rows"),
        ({"dedup": {"use": "exact", "as": "x" * 90}}, "up to 80 lower case letters"),
        ({"filter": {"use": "fasttext", "keep": 5, "positives": [], "negatives": []}}, "give at least one id"),
        ({"filter": {"use": "ask_llm", "keep": 5, "temperature": -1}}, "'temperature'"),
        ({"filter": {"use": "ask_llm", "keep": 5, "max_tokens": 0}}, "'max_tokens'"),
        ({"mix": {"use": "per_group", "n": 1, "by": "a'b"}}, "'by'"),
    ],
)
def test_a_parameter_beyond_its_bounds(tmp_path, stage, told):
    body = recipe()
    math(body)[2] = stage
    with pytest.raises(BadInput) as caught:
        load_recipe(write_recipe(tmp_path, body))
    assert told in str(caught.value)


def test_a_share_that_would_be_computed_for_ever(tmp_path):
    body = recipe() | {"dataset": {"rows": {"math": 5}, "spare": "1e99999999"}}
    with pytest.raises(BadInput, match="a share such as 5%"):
        load_recipe(write_recipe(tmp_path, body))


def test_neighbours_of_any_kind_break_nobody(tmp_path):
    write_recipe(tmp_path)
    (tmp_path / "broken.yaml").write_text("name: 2023-99-99")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.yaml")
    body = {"name": "above", "tracks": {"all": [{"sources": [{"recipe": "small"}]}, {"answers": "imported"}]}}
    assert load_recipe(write_recipe(tmp_path, body, "above.yaml")).name == "above"


def test_a_base_of_the_recipes_own_name(tmp_path):
    write_recipe(tmp_path)
    (tmp_path / "sub").mkdir()
    body = {"name": "small", "tracks": {"all": [{"sources": [{"recipe": "../small.yaml"}]}, {"answers": "imported"}]}}
    with pytest.raises(BadInput, match="has this one's own name, 'small'"):
        load_recipe(write_recipe(tmp_path / "sub", body))


def test_a_tower_of_bases_is_read_once_a_storey(tmp_path):
    write_recipe(tmp_path)
    below = "small"
    for storey in range(12):
        name = f"s{storey}"
        sources = [{"recipe": below, "id": "one"}, {"recipe": below, "id": "two", "domain": "math"}]
        body = {"name": name, "tracks": {"all": [{"sources": sources}, {"answers": "imported"}]}}
        below = write_recipe(tmp_path, body, f"{name}.yaml").stem
    started = time.monotonic()
    load_recipe(tmp_path / f"{below}.yaml")
    assert time.monotonic() - started < 20


def test_the_projects_own_recipes_hold_to_all_of_it():
    assert len(recipes()) >= 4
