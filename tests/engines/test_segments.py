from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ot_resources.generators.segments import Segments, encode
from tests.conftest import PROJECT

RECORDS = [{"n": n, "text": "Zeile 1\nZeile 2 ä∂ " * n} for n in range(9)]


@pytest.fixture
def segments(tmp_path):
    return Segments(tmp_path / "segments")


def write(segments, records=RECORDS, ends=None):
    places = segments.write([encode(record) for record in records], lambda: ends or {})
    segments.flush()
    return places


def whole(segments, number=1):
    return [record for _, record in segments.scan(number) if record is not None]


def test_records_are_read_where_they_were_put(segments):
    places = write(segments)
    assert segments.read(places) == RECORDS
    assert [place for place, _ in segments.scan(1)] == places
    assert whole(segments) == RECORDS


def test_records_are_lines_that_a_person_can_read(segments):
    write(segments, RECORDS[:2])
    lines = segments.path(1).read_text().splitlines()
    assert lines[0].split(" ", 2)[2] == '{"n":0,"text":""}'
    assert len(lines) == 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_costs_at_most_one_record(tmp_path_factory, place, bit):
    segments = Segments(tmp_path_factory.mktemp("segments"))
    places = write(segments)
    path = segments.path(1)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    found = whole(segments)
    assert len(found) >= len(RECORDS) - 1
    assert all(record in RECORDS for record in found)
    at_their_places = segments.read(places)
    assert sum(record is None for record in at_their_places) <= 1
    assert all(record is None or record == RECORDS[n] for n, record in enumerate(at_their_places))
    segments.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 400))
def test_a_torn_tail_costs_what_was_cut_and_never_the_next_record(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("segments")
    segments = Segments(folder)
    places = write(segments)
    segments.close()
    size = segments.path(1).stat().st_size
    os.truncate(segments.path(1), size - cut)
    left = [n for n, place in enumerate(places) if place.offset + place.length <= size - cut]
    again = Segments(folder)
    # The newline of the last record belongs to no checksum, but a record without it is not whole.
    assert [record["n"] for record in whole(again)] == left
    (new,) = write(again, [{"n": 99}], {1: size})
    assert new.segment == 2
    assert again.read([new]) == [{"n": 99}]
    again.close()


def test_a_file_goes_on_where_it_ends(segments, tmp_path):
    places = write(segments)
    segments.close()
    again = Segments(tmp_path / "segments")
    (new,) = write(again, [{"n": 99}], {1: places[-1].offset + places[-1].length})
    assert (new.segment, new.offset) == (1, places[-1].offset + places[-1].length)
    assert whole(again) == [*RECORDS, {"n": 99}]


HOLDER = """
import sys
from ot_resources.generators.segments import Segments, encode
segments = Segments(__import__("pathlib").Path(sys.argv[1]))
print(segments.write([encode({"who": "other"})], dict)[0].segment, flush=True)
sys.stdin.read()
"""


def test_two_processes_never_append_to_one_file(segments):
    command = [sys.executable, "-c", HOLDER, str(segments.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as other:
        assert other.stdout.readline().strip() == "1"
        assert segments.is_written_by_another(1)
        assert write(segments, [{"who": "us"}])[0].segment == 2
        other.kill()
    assert not segments.is_written_by_another(1)


def test_a_full_disk_leaves_no_half_record_behind(segments, monkeypatch):
    (first,) = write(segments, [{"n": 1}])
    real = os.write

    def full(descriptor, data):
        real(descriptor, bytes(data)[:7])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write(segments, [{"n": 2}])
    monkeypatch.undo()
    (third,) = write(segments, [{"n": 3}])
    assert third.offset == first.offset + first.length
    assert whole(segments) == [{"n": 1}, {"n": 3}]
