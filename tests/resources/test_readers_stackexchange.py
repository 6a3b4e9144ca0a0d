"""A dump gives each question once; the published slices are reproduced row for row when asked for."""

from __future__ import annotations

import io
import math
import re
import tracemalloc
import xml.etree.ElementTree as ET
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_resources.interfaces import BadInput
from ot_resources.readers import columns, scan, sevenzip, stackexchange
from tests.resources.dumps import HEAD, dump, packed, post, shuffled

PUBLISHED = {"compat": "overlapping_slices"}


def read(path: Path, scratch: Path, **options: object) -> pl.DataFrame:
    return scan((path,), "here", scratch, options).collect()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Questions and answers interleaved, with all that a row may have and all that it may lack."""
    return dump(
        tmp_path / "Posts.xml",
        [
            post(4, 1, Title='Über "π" & <co>', Body="<p>Is $a &lt; b$?</p>", Tags="<mechanics><home-work>", Score=-3),
            post(6, 2, ParentId=4, Body="<p>yes</p>"),
            post(9, 1, Tags="|code-golf|", AcceptedAnswerId=11, AnswerCount=2, CreationDate="2011-01-27T20:35:33.443"),
            post(10, 4),
            post(11, 2, ParentId=9),
            '  <row Id="12" PostTypeId="1" />\n',
        ],
    )


def test_questions_with_all_that_a_row_tells(site: Path, tmp_path: Path) -> None:
    rows = read(site, tmp_path / "scratch").to_dicts()
    assert [row["id"] for row in rows] == [4, 9, 12]
    assert rows[0] == {
        "key": "4",
        "id": 4,
        "title": 'Über "π" & <co>',
        "body": "Is $a < b$?",
        "tags": ["mechanics", "home-work"],
        "score": -3,
        "answer_count": None,
        "accepted_answer_id": None,
        "creation_date": None,
    }
    assert (rows[1]["tags"], rows[1]["accepted_answer_id"], rows[1]["answer_count"]) == (["code-golf"], 11, 2)
    assert rows[1]["creation_date"] == "2011-01-27T20:35:33.443"
    assert (rows[2]["title"], rows[2]["body"], rows[2]["tags"]) == (None, None, [])


def test_an_archive_reads_as_the_file_in_it_and_leaves_no_unpacked_copy(site: Path, tmp_path: Path) -> None:
    other = tmp_path / "Users.xml"
    other.write_text("<users></users>")
    archive = packed(tmp_path / "site.7z", other, site)
    scratch = tmp_path / "scratch"
    assert read(archive, scratch).equals(read(site, scratch))
    assert not list(scratch.rglob("*.xml"))
    assert len(read(archive, scratch, **PUBLISHED, slices=1)) == 3


def test_the_columns_are_told_without_reading(site: Path, tmp_path: Path) -> None:
    assert columns((site,), {}) == tuple(read(site, tmp_path).columns)
    assert set(columns((site,), PUBLISHED) or ()) == set(read(site, tmp_path, **PUBLISHED).columns)


@pytest.mark.parametrize(
    ("questions", "answers", "slices", "rows", "factor"),
    [(1_400, 17_300, 16, 11_418, 8.16), (2_300, 2_800, 15, 4_877, 2.12)],
    ids=["codegolf-like", "physics-like"],
)
def test_the_published_factors(
    tmp_path: Path, questions: int, answers: int, slices: int, rows: int, factor: float
) -> None:
    kinds = shuffled(questions, answers)
    path = dump(tmp_path / "Posts.xml", [post(number, kind) for number, kind in enumerate(kinds, start=1)])
    once = read(path, tmp_path / "scratch")
    assert len(once) == once["id"].n_unique() == questions
    published = read(path, tmp_path / "scratch", **PUBLISHED, slices=slices)
    assert len(published) == rows
    assert round(len(published) / questions, 2) == factor
    assert published["id"].n_unique() == questions
    assert published["key"].n_unique() == published.select("slice", "id").n_unique() == rows


def as_published(xml: bytes, index: int, count: int) -> list[int]:
    """One slice as the released code makes it, with the two lines that make it overlap."""
    size = math.ceil(len(io.BytesIO(xml).readlines()) / count)
    found: list[int] = []
    place = 0
    for _, element in ET.iterparse(io.BytesIO(xml), events=("end",)):
        if element.tag != "row":
            continue
        if place >= index * size:
            if len(found) >= size:
                break
            if element.get("PostTypeId") != "1":
                continue  # without counting the row
            found.append(int(element.get("Id") or 0))
        place += 1
    return found


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from([1, 2, 2, 4]), min_size=1, max_size=60).filter(lambda kinds: 1 in kinds),
    count=st.integers(1, 20),
    newline=st.booleans(),
)
def test_every_slice_is_the_published_one(
    kinds: list[int], count: int, newline: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("dump")
    path = dump(folder / "Posts.xml", [post(number, kind) for number, kind in enumerate(kinds, start=1)])
    if not newline:
        path.write_bytes(path.read_bytes().rstrip())
    ids = [number for number, kind in enumerate(kinds, start=1) if kind == 1]
    assert read(path, folder)["id"].to_list() == ids
    published = read(path, folder, **PUBLISHED, slices=count)
    expected = [(index, number) for index in range(count) for number in as_published(path.read_bytes(), index, count)]
    assert published.select("slice", "id").rows() == expected


def test_a_dump_that_is_cut_off_tells_after_which_post(site: Path, tmp_path: Path) -> None:
    text = site.read_bytes()
    site.write_bytes(text[: text.index(b'"12"')])
    with pytest.raises(BadInput, match=r"here: .*Posts.xml: cut off .* line 8 .*after post 11 .*whole"):
        read(site, tmp_path)


def test_an_archive_that_is_cut_off_or_altered(site: Path, tmp_path: Path) -> None:
    whole = packed(tmp_path / "site.7z", site).read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:40] + bytes([whole[40] ^ 255]) + whole[41:], b"", b"PK" * 40):
        path = tmp_path / "broken.7z"
        path.write_bytes(broken)
        with pytest.raises(BadInput, match=r"here: .*broken.7z: .*fetch"):
            read(path, tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "before the first post"),
        ("<users></users>", "holds <users>, not <posts>"),
        (HEAD.replace("utf-8", "utf-7") + "</posts>", "an encoding that is not read .*; a dump is UTF-8"),
        (HEAD.replace("utf-8", "zzz") + "</posts>", "an encoding that is not read .*; a dump is UTF-8"),
        (HEAD + "</posts>", "no questions"),
        (HEAD + post(1, 2) + "</posts>", "no questions"),
        (HEAD + post(7) + post(8) + post(7) + "</posts>", "the question 7 comes twice"),
        (HEAD + post(7) + '<row PostTypeId="1"/></posts>', "a post without Id, after post 7"),
        (HEAD + post(7, Score="high") + "</posts>", "post 7 has Score='high', which is no number"),
        (HEAD + post(7) + "<row Body='&#x1;'/></posts>", "line 4 .* after post 7 .*invalid character"),
    ],
)
def test_what_is_no_dump_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "Posts.xml"
    path.write_text(content)
    with pytest.raises(BadInput, match=said) as told:
        read(path, tmp_path)
    assert "\n" not in str(told.value)


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    laughs = '<!DOCTYPE posts [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n'
    for declared in (laughs, '<!DOCTYPE posts SYSTEM "file:///etc/passwd">\n'):
        path = tmp_path / "Posts.xml"
        path.write_text(declared + "<posts>" + post(1).replace("post 1", "&b;") + "</posts>")
        with pytest.raises(BadInput, match="declares a document type"):
            read(path, tmp_path)


def test_a_post_without_end_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stackexchange, "_LONGEST_POST", 2 << 20)
    path = dump(tmp_path / "Posts.xml", [post(1), post(2, Body="x" * (5 << 20))])
    with pytest.raises(BadInput, match="a post of more than 2 MB after post 1"):
        read(path, tmp_path)


def test_memory_is_bounded(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ot_resources.readers.converted._ROWS", 20)
    monkeypatch.setattr(stackexchange, "_READ", 1 << 16)
    path = dump(tmp_path / "large.xml", (post(number, Body="words " * 3_000) for number in range(600)))
    assert path.stat().st_size > 10e6
    read(site, tmp_path)  # what is imported is not counted
    tracemalloc.start()
    scan((path,), "here", tmp_path, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"slice": 3}, "here: unknown option 'slice' of a StackExchange dump; there is: compat, slices"),
        ({"compat": "slices"}, "here.compat: 'slices' is not known; there is: overlapping_slices"),
        ({"slices": 4}, "here.slices: goes with 'compat: overlapping_slices' only"),
        (PUBLISHED | {"slices": 1_001}, "here.slices: 1001 must be a whole number from 1 to 1,000"),
        (PUBLISHED | {"slices": 0}, "here.slices: 0 must be a whole number from 1"),
    ],
)
def test_wrong_options(options: dict[str, object], said: str, site: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        read(site, tmp_path, **options)


class TestArchives:
    def test_the_member_is_found_in_a_folder_and_its_path_is_not_used(self, site: Path, tmp_path: Path) -> None:
        import py7zr

        archive = tmp_path / "deep.7z"
        with py7zr.SevenZipFile(archive, "w") as opened:
            opened.write(site, "deep/er/Posts.xml")
        assert len(read(archive, tmp_path / "scratch")) == 3
        assert not (tmp_path / "scratch" / "deep").exists()

    def test_none_or_two_of_them(self, site: Path, tmp_path: Path) -> None:
        import py7zr

        archive = tmp_path / "two.7z"
        with py7zr.SevenZipFile(archive, "w") as opened:
            opened.write(site, "a/Posts.xml")
            opened.write(site, "b/Posts.xml")
        with pytest.raises(BadInput, match=r"must hold one Posts.xml; it holds a/Posts.xml, b/Posts.xml"):
            read(archive, tmp_path)
        other = tmp_path / "Badges.xml"
        other.write_text("<badges/>")
        with pytest.raises(BadInput, match=r"must hold one Posts.xml; it holds Badges.xml"):
            read(packed(tmp_path / "none.7z", other), tmp_path)

    def test_more_than_the_limit_or_the_disk(self, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        archive = packed(tmp_path / "site.7z", site)
        monkeypatch.setattr(sevenzip.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10}))
        with pytest.raises(BadInput, match="make room"):
            read(archive, tmp_path)
        monkeypatch.setattr(sevenzip, "LARGEST", 100)
        with pytest.raises(BadInput, match="are not unpacked"):
            read(archive, tmp_path)

    def test_a_member_that_is_larger_than_it_says(
        self, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = packed(tmp_path / "site.7z", site)
        find = sevenzip._find
        monkeypatch.setattr(sevenzip, "_find", lambda *given: (find(*given)[0], 100))
        with pytest.raises(BadInput, match="more than the 100 bytes that it says"):
            read(archive, tmp_path)

    def test_an_encrypted_one(self, site: Path, tmp_path: Path) -> None:
        import py7zr

        archive = tmp_path / "locked.7z"
        with py7zr.SevenZipFile(archive, "w", password="x") as opened:
            opened.write(site, "Posts.xml")
        with pytest.raises(BadInput, match="encrypted"):
            read(archive, tmp_path)
