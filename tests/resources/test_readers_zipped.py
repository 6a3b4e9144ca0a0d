"""A zip of JSON files gives all their objects, each key a column, and never half of them."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_resources.interfaces import BadInput
from ot_resources.readers import columns, scan, zipped


def archive(path: Path, members: dict[str, Any]) -> Path:
    """Bytes and strings go in as they are, everything else as JSON."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content if isinstance(content, str | bytes) else json.dumps(content))
    return path


def read(path: Path) -> pl.DataFrame:
    return scan((path,), "here", path.parent / "scratch", {}).collect()


def column(tmp_path: Path, *values: Any) -> pl.Series:
    path = archive(tmp_path / "values.zip", {"all.json": [{"v": value} for value in values]})
    return read(path)["v"]


def test_objects_by_the_name_of_their_file(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "physics.zip",
        {
            "physics/002.json": {"topic;": "Optics", "message_1": "Why é?", "extra": 1},
            "physics/001.json": {"topic;": "Waves", "message_1": "How?"},
            "list.json": [{"message_1": "a"}, {"message_1": None}],
            "physics/": "",
            "__MACOSX/physics/._001.json": b"\x00\x05",
            ".DS_Store": b"\x00",
        },
    )
    rows = read(path)
    assert rows.columns == ["zip_member", "message_1", "topic;", "extra"]
    assert rows.rows() == [
        ("list.json[0]", "a", None, None),
        ("list.json[1]", None, None, None),
        ("physics/001.json", "How?", "Waves", None),
        ("physics/002.json", "Why é?", "Optics", 1),
    ]
    assert columns((path,), {}) is None


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None, 2], pl.Int64, [1, None, 2]),
        ([[None, None], []], pl.List(pl.String), [[None, None], []]),
        ([1, 2.5], pl.Float64, [1.0, 2.5]),
        ([True, False], pl.Boolean, [True, False]),
        ([None, None], pl.String, [None, None]),
        (["a", 1, [2, "é"], None], pl.String, ["a", "1", '[2, "é"]', None]),
        ([True, 1], pl.String, ["true", "1"]),
        ([2**63, 1], pl.String, [str(2**63), "1"]),
        ([[1], [], [2.5, None]], pl.List(pl.Float64), [[1.0], [], [2.5, None]]),
        ([[1], ["a"]], pl.String, ["[1]", '["a"]']),
        ([[1], {"a": 1}], pl.String, ["[1]", '{"a": 1}']),
        ([{}, {}], pl.String, ["{}", "{}"]),
        (["\ud800x"], pl.String, ["\ufffdx"]),
        (
            [[{"role": "user", "n": 1}], [{"role": "bot", "n": 2.5, "more": None}], [{}]],
            pl.List(pl.Struct({"role": pl.String, "n": pl.Float64, "more": pl.String})),
            [
                [{"role": "user", "n": 1.0, "more": None}],
                [{"role": "bot", "n": 2.5, "more": None}],
                [{"role": None, "n": None, "more": None}],
            ],
        ),
    ],
)
def test_a_column_has_one_type(tmp_path: Path, values: list[Any], kind: Any, expected: list[Any]) -> None:
    series = column(tmp_path, *values)
    assert series.dtype == kind
    assert series.to_list() == expected


def test_an_object_with_very_many_fields_is_text(tmp_path: Path) -> None:
    values = [{f"k{number}": number for number in range(start, start + 150)} for start in (0, 150)]
    assert [json.loads(text) for text in column(tmp_path, *values)] == values


@pytest.mark.parametrize("levels", [21, 150, 800])
def test_what_is_nested_deep_is_text(levels: int, tmp_path: Path) -> None:
    for opened, closed in (("[", "]"), ('{"a": ', "}")):
        text = opened * levels + "1" + closed * levels
        path = archive(tmp_path / "deep.zip", {"a.json": f'{{"v": {text}, "w": {opened * 20}1{closed * 20}}}'})
        rows = read(path)
        assert rows["v"].to_list() == [text]
        assert rows["w"].dtype != pl.String


def test_too_deep_for_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dumps(*given: object, **options: object) -> str:
        raise RecursionError

    path = archive(tmp_path / "deep.zip", {"a.json": '{"v": ' + "[" * 30 + "]" * 30 + "}"})
    monkeypatch.setattr(json, "dumps", dumps)
    with pytest.raises(BadInput, match=r"deep.zip: a.json: nested too deep under 'v'; flatten it"):
        read(path)


# A key with a NUL is refused, which has a test of its own.
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), min_size=1, max_size=5))
def test_nothing_is_lost(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every value is in the table: typed as it was, or as its JSON text; fields that were not there are null."""
    path = archive(tmp_path_factory.mktemp("zip") / "any.zip", {f"{n}.json": row for n, row in enumerate(rows)})
    for row, found in zip(rows, read(path).to_dicts(), strict=True):
        for key, value in row.items():
            assert covers(found[key], value) or found[key] == value or json.loads(found[key]) == value
        assert all(found[key] is None for key in found if key not in row and key != "zip_member")


def covers(found: Any, value: Any) -> bool:
    if isinstance(value, dict) and isinstance(found, dict):
        return all(covers(inner, value.get(key)) or value.get(key) is None for key, inner in found.items()) and set(
            value
        ) <= set(found)
    if isinstance(value, list) and isinstance(found, list):
        return len(found) == len(value) and all(map(covers, found, value))
    return type(found) in (type(value), float) and found == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "a.json: not JSON (JSONDecodeError"),
        (b"\xff\xfe", "a.json: not JSON (UnicodeDecodeError"),
        ("", "a.json: not JSON"),
        ("[" * 100_000, "a.json: not JSON (RecursionError"),
        ("3", "a.json: holds a int; it must hold an object or a list of objects"),
        ('[{"a": 1}, "b"]', "a.json: holds a str; it must hold an object or a list of objects"),
        ('{"a":' * 200, "a.json: not JSON ("),
        ('{"a":' * 5_000, "a.json: not JSON (RecursionError"),
        ({"x\0y": 1}, "a.json: has a key with a NUL character"),
        ({"x": [{"x\0y": 1}]}, "a.json: has a key with a NUL character"),
        ('{"\\ud800": 1, "\\ud801": 2}', "a.json: has the key '\\ud801', which is one with another"),
        ('{"x": {"\\ud800": 1, "\\ud801": 2}}', "a.json: has two keys in one object"),
        ({f"k{n}": n for n in range(2_000)}, "a.json: one key too many; all objects together may have 2,000"),
        ('{"zip_member": 1}', "a.json: has a key 'zip_member'"),
    ],
)
def test_a_file_that_is_no_object_is_named(content: Any, said: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "some.zip", {"0.json": {"a": 1}, "a.json": content})
    with pytest.raises(BadInput, match=re.escape(said)) as told:
        read(path)
    assert str(told.value).startswith(f"here: {path}: ")
    assert "\n" not in str(told.value)


def test_what_is_no_whole_zip(tmp_path: Path) -> None:
    whole = archive(tmp_path / "whole.zip", {f"{n}.json": {"text": str(n) * 50} for n in range(20)}).read_bytes()
    flipped = bytearray(whole)
    flipped[40] ^= 255
    for content in (b"", b"PK junk", whole[:-40], bytes(flipped)):
        path = tmp_path / "broken.zip"
        path.write_bytes(content)
        with pytest.raises(BadInput, match=r"broken.zip: (not a whole zip|.*not JSON|.*damaged)"):
            read(path)
    with pytest.raises(BadInput, match="no files in it"):
        read(archive(tmp_path / "empty.zip", {"folder/": ""}))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_named(method: int, tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", method) as opened:
        opened.writestr("a.json", json.dumps({"text": [str(n * n) for n in range(300)]}))
    whole = path.read_bytes()
    for place in range(36, whole.index(b"PK\x01\x02"), 13):
        path.write_bytes(whole[:place] + bytes(byte ^ 255 for byte in whole[place : place + 9]) + whole[place + 9 :])
        with pytest.raises(BadInput, match=r"some.zip: (a.json: damaged \(.*\); fetch the zip again|not a whole zip)"):
            read(path)


def test_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"some.zip: '\.': no name of a file"):
        read(archive(tmp_path / "some.zip", {"a.json": {}, ".": {}}))
    path = archive(tmp_path / "some.zip", {"z.json": {}})
    path.write_bytes(path.read_bytes().replace(b"z.json", b"\0.json"))
    with pytest.raises(BadInput, match="some.zip: '': no name of a file"):
        read(path)
    path = archive(tmp_path / "some.zip", {"é.json": {}})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(BadInput, match=r"some.zip: b'\\xff\\xff.json': a name that is not the UTF-8"):
        read(path)
    with pytest.raises(BadInput, match=r"some.zip: 'a\\nb.json': not JSON"):
        read(archive(tmp_path / "some.zip", {"a\nb.json": "x"}))


def test_bombs_and_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "bomb.zip", {"a.json": " " * 3_000_000 + "{}", "b.json": " " * 3_000_000 + "{}"})
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(zipped, "LARGEST", 5_000_000)
    with pytest.raises(BadInput, match="bomb.zip: unpacks to"):
        read(path)
    monkeypatch.setattr(zipped, "LARGEST_MEMBER", 1 << 20)
    with pytest.raises(BadInput, match="a.json: unpacks to 2 MB; at most 1 are read"):
        read(path)
    locked = bytearray(archive(tmp_path / "locked.zip", {"a.json": {}}).read_bytes())
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(BadInput, match="a.json: encrypted"):
        read(tmp_path / "locked.zip")


def test_paths_in_the_archive_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = archive(tmp_path / "in" / "evil.zip", {"../../out.json": {"a": 1}})
    assert read(path)["zip_member"].to_list() == ["../../out.json"]
    assert not list(tmp_path.parent.glob("out.json")) + list(tmp_path.rglob("out.json"))


def test_a_member_twice(tmp_path: Path) -> None:
    path = archive(tmp_path / "twice.zip", {"a.json": {}})
    with zipfile.ZipFile(path, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("a.json", "{}")
    with pytest.raises(BadInput, match="a.json: comes twice"):
        read(path)


def test_options_are_for_dumps(tmp_path: Path) -> None:
    path = archive(tmp_path / "some.zip", {"a.json": {}})
    with pytest.raises(BadInput, match="'compat' is an option of StackExchange dumps"):
        scan((path,), "here", tmp_path, {"compat": "overlapping_slices"})
