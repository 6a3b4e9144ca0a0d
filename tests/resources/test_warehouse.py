from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from ot_resources.store import Store
from ot_resources.warehouse import Warehouse
from tests.conftest import PROJECT
from tests.resources.writing import write

FRAME = pl.DataFrame({"question_id": ["a", "b"], "question": ["1+1?", "2+2?"]})
DROPPED = pl.DataFrame(
    {"question_id": ["c"], "question": ["1+1?"], "drop_reason": ["duplicate"], "drop_evidence": ['{"twin":"a"}']}
)
CHOICE = {"track": "math", "stage": "dedup", "strategy": "exact", "strategy_version": 1, "params": {"a": 1}}


@pytest.fixture
def warehouse(data_root: Path) -> Warehouse:
    return Warehouse(root=str(data_root))


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    """Two tables of one recipe, a source and a dataset, as a run leaves them."""
    store = Store(root=warehouse.root)
    table = write(store, FRAME, dropped=DROPPED)
    for asset in (("mine", "math", "deduplicated"), ("sources", "gsm8k"), ("mine", "dataset")):
        store.point(asset, table)
    line = {
        "version": table.version,
        "run_id": "run1",
        "at": "2026-01-02T03:04:05+00:00",
        "recipe": "mine",
        "seconds": 1.5,
    }
    line |= {"rows_in": 3, "rows_out": 2, "rows_dropped": 1, "dropped": {"duplicate": 1}, "reused": False} | CHOICE
    inputs = [{"asset": "mine/math/questions", "kind": "questions", "version": "v0"}]
    store.log("run1", line | {"asset": "mine/math/deduplicated", "inputs": inputs})
    store.log("run1", line | {"asset": "mine/dataset", "inputs": [], "choices": [{"recipe": "mine"} | CHOICE]})
    warehouse.publish()
    return warehouse


def ask(warehouse: Warehouse, query: str) -> list[tuple]:
    """The answer of the file and that of the catalogue in memory, which must be the same."""
    with duckdb.connect(str(warehouse.file), read_only=True) as connection:
        found = connection.sql(query).fetchall()
    with warehouse.connect() as connection:
        assert connection.sql(query).fetchall() == found
    return found


def test_every_table_is_a_view_with_its_drops_beside_it(filled):
    assert ask(filled, "from mine.math_deduplicated") == FRAME.rows()
    assert ask(filled, "select question_id, drop_reason from mine.math_deduplicated__dropped") == [("c", "duplicate")]
    assert ask(filled, "from sources.gsm8k") == FRAME.rows()
    assert ask(filled, "from mine.dataset") == FRAME.rows()
    assert ask(filled, "select count(*) from mine.dataset__dropped") == [(1,)]


def test_materializations_have_the_columns_that_others_rely_on(filled):
    names = (
        'asset, version, run_id, "at", stage, strategy, strategy_version, params, rows_in, rows_out, rows_dropped,'
        " seconds, reused"
    )
    (row,) = ask(filled, f"select {names} from lineage.materializations where asset = 'mine/math/deduplicated'")
    assert row[0] == "mine/math/deduplicated"
    assert row[3].year == 2026
    assert row[2:3] + row[4:] == ("run1", "dedup", "exact", 1, '{"a":1}', 3, 2, 1, 1.5, False)


def test_inputs_choices_and_drops(filled):
    (version,) = {row[0] for row in ask(filled, "select version from lineage.materializations")}
    assert ask(filled, "select asset, version, input_asset, input_version from lineage.inputs") == [
        ("mine/math/deduplicated", version, "mine/math/questions", "v0")
    ]
    names = "dataset, dataset_version, recipe, track, stage, strategy, strategy_version, params, is_current"
    assert ask(filled, f"select {names} from lineage.choices") == [
        ("mine/dataset", version, "mine", "math", "dedup", "exact", 1, '{"a":1}', True)
    ]
    names = "asset, version, question_id, sample, drop_reason, drop_evidence"
    assert ("mine/math/deduplicated", version, "c", None, "duplicate", '{"twin":"a"}') in ask(
        filled, f"select {names} from lineage.drops"
    )


def test_removals_with_their_twins_whatever_else_the_evidence_is(warehouse):
    whole = (
        '{"twin":"a","twin_text":"1+1?","rule":"indel","score":97.5,"threshold":95.0,"against":"aime24",'
        '"span":[2,4],"matched":"1?"}'
    )
    told = [whole, '{"twin":3,"score":"high","span":"all"}', '{"twin":null}', '{"found":1}', "no JSON", "[1]", None]
    ids = [f"q{n}" for n in range(len(told))]
    dropped = pl.DataFrame({"question_id": ids, "drop_reason": ["x"] * len(told), "drop_evidence": told})
    store = Store(root=warehouse.root)
    store.point(("mine", "math", "deduplicated"), write(store, FRAME, dropped=dropped.with_columns(source=pl.lit("s"))))
    store.point(("mine", "math", "filtered"), write(store, FRAME[:1], dropped=dropped[:2]))
    warehouse.publish()
    names = "question_id, source, rule, score, threshold, twin, twin_text, against, matched, span_start, span_end"
    found = ask(warehouse, f"select {names} from lineage.twins where asset = 'mine/math/deduplicated' order by 1")
    assert found == [
        ("q0", "s", "indel", 97.5, 95.0, "a", "1+1?", "aime24", "1?", 2, 4),
        ("q1", "s", None, None, None, "3", None, None, None, None, None),
    ]
    # a table without sources has twins all the same
    assert ask(warehouse, "select source, count(*) from lineage.twins group by all order by all") == [
        ("s", 2),
        (None, 2),
    ]


def test_an_older_dataset_is_not_the_current_one(filled):
    store = Store(root=filled.root)
    store.point(("mine", "dataset"), write(store, FRAME[:1]))
    filled.publish()
    assert ask(filled, "select distinct is_current from lineage.choices") == [(False,)]


def test_at_is_a_keyword_of_duckdb_that_a_table_name_or_quotes_make_a_column(filled):
    assert len(ask(filled, 'select "at" from lineage.materializations m order by m.at')) == 2


def test_an_empty_data_root_works(tmp_path):
    warehouse = Warehouse(root=str(tmp_path / "not" / "there"))
    with warehouse.connect() as connection:
        assert connection.sql("from lineage.materializations").fetchall() == []
    warehouse.publish()
    for view in ("materializations", "inputs", "choices", "drops", "twins"):
        assert ask(warehouse, f"from lineage.{view}") == []
    assert ask(warehouse, "from ledger.responses") == []


def test_odd_names_and_folders(tmp_path):
    root = tmp_path / "it's a folder"
    store = Store(root=str(root))
    store.point(("mine", "math", "order"), write(store, FRAME))
    warehouse = Warehouse(root=str(root))
    warehouse.publish()
    assert ask(warehouse, "select count(*) from mine.math_order") == [(2,)]


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
query = "select count(*) from mine.math_deduplicated"
print(connection.execute(query).fetchone()[0], flush=True)
sys.stdin.readline()
print(connection.execute(query).fetchone()[0], flush=True)
"""


def test_the_file_is_swapped_while_another_process_holds_it_open(filled):
    command = [sys.executable, "-c", HOLDER, str(filled.file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "2\n"
        store = Store(root=filled.root)
        store.point(("mine", "math", "deduplicated"), write(store, FRAME[:1]))
        filled.publish()
        assert ask(filled, "select count(*) from mine.math_deduplicated") == [(1,)]
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "2\n"
    assert list(Path(filled.root).glob(".*")) == []


RUNNER = """
import sys
import polars as pl
from ot_resources.store import Store
from ot_resources.warehouse import Warehouse
from tests.resources.writing import write
store, warehouse = Store(root=sys.argv[1]), Warehouse(root=sys.argv[1])
for n in range(1, 31):
    frame = pl.DataFrame({"question_id": [str(i) for i in range(n)], "n": [n] * n})
    store.point(("mine", "math", "questions"), write(store, frame, n=n))
    store.log("run", {"asset": "mine/math/questions", "version": "v", "rows_out": n, "reused": False})
    warehouse.publish()
    if n == 1:
        print("begun", flush=True)
"""


def test_queries_work_while_a_run_goes_on(warehouse):
    command = [sys.executable, "-c", RUNNER, warehouse.root]
    seen = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as runner:
        assert runner.stdout.readline() == "begun\n"
        while runner.poll() is None:
            query = "select count(*), min(n), max(n) from mine.math_questions"
            with warehouse.connect() as connection:
                seen += connection.sql(query).fetchall()
                connection.sql("from lineage.materializations").fetchall()
            with duckdb.connect(str(warehouse.file), read_only=True) as connection:
                seen += connection.sql(query).fetchall()
    assert runner.returncode == 0
    assert len({row[0] for row in seen}) > 3
    assert all(rows == low == high for rows, low, high in seen)


def test_refreshing_takes_its_share_and_no_more(filled):
    before = filled.file.stat().st_ino
    filled.refresh()
    assert filled.file.stat().st_ino == before
    eager = Warehouse(root=filled.root, share=1.0)
    eager.refresh()
    assert filled.file.stat().st_ino != before
