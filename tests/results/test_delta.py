"""Single steps on a Delta table."""

import subprocess
import sys
from subprocess import PIPE

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from gsgmodel.errors import ConfigError
from gsgmodel.results.delta import append_rows, ask, create_table, open_table, quoted, replace_rows
from gsgmodel.results.places import LocalPlace
from gsgmodel.results.schema import VIDEOS


def properties(version, *, app_id="s"):
    return CommitProperties(app_transactions=[Transaction(app_id, version)])


@pytest.fixture
def place(output):
    place = output.place / "videos"
    create_table(place)
    return place


def pairs(place, column):
    answer = ask(open_table(place), f"SELECT video_id, {column} FROM videos")
    return sorted(zip(answer["video_id"].to_pylist(), answer[column].to_pylist(), strict=True))


def test_a_new_table_is_empty_and_making_it_again_does_nothing(place):
    create_table(place)
    table = open_table(place)
    assert table.version() == 0
    assert ask(table, "SELECT * FROM videos").schema.equals(VIDEOS)
    assert ask(table, "SELECT count(*) AS n FROM videos")["n"].to_pylist() == [0]


def test_rows_come_back_as_they_went_in_with_all_their_nesting(place, rows):
    table = pa.concat_tables([rows([1]), rows([2], status="no_face", score=None, faces=[], notes=None)])
    append_rows(open_table(place), place, table, properties=properties(1))
    answer = ask(open_table(place), "SELECT * FROM videos ORDER BY uri")
    assert answer.schema.equals(VIDEOS)
    assert answer.to_pylist() == table.to_pylist()


def test_the_log_knows_how_many_rows_a_file_has(place, rows):
    append_rows(open_table(place), place, rows([1, 2, 3]), properties=properties(1))
    actions = pa.table(open_table(place).get_add_actions(flatten=True)).to_pylist()
    assert [(one["num_records"], one["min.scoring_id"], one["max.scoring_id"]) for one in actions] == [(3, "s", "s")]


def test_a_stale_handle_of_the_same_scoring_is_refused_and_of_another_is_not(place, rows):
    stale, other = open_table(place), open_table(place)
    append_rows(open_table(place), place, rows([1]), properties=properties(1))
    with pytest.raises(CommitFailedError):
        append_rows(stale, place, rows([1]), properties=properties(1))
    append_rows(other, place, rows([1], scoring_id="t"), properties=properties(1, app_id="t"))
    assert pairs(place, "scoring_id") == [(rows([1])["video_id"][0].as_py(), one) for one in "st"]


def test_an_append_goes_through_beside_a_compaction(place, rows):
    for number in range(3):
        append_rows(open_table(place), place, rows([number]), properties=properties(number + 1))
    stale = open_table(place)
    open_table(place).optimize.compact()
    append_rows(stale, place, rows([3]), properties=properties(4))
    assert len(pairs(place, "uri")) == 4


def test_a_replacement_takes_the_old_row_and_no_other(place, rows):
    append_rows(open_table(place), place, rows([1, 2, 3], run_id="old"), properties=properties(1))
    append_rows(open_table(place), place, rows([1, 2], scoring_id="it's"), properties=properties(1, app_id="it's"))
    replace_rows(open_table(place), place, rows([2, 4], run_id="new"), properties=properties(2))
    found = ask(open_table(place), "SELECT uri, scoring_id, run_id FROM videos ORDER BY scoring_id, uri").to_pylist()
    assert [(one["uri"][-5], one["scoring_id"], one["run_id"]) for one in found] == [
        *[(number, "it's", "r") for number in "12"],
        *[("1", "s", "old"), ("2", "s", "new"), ("3", "s", "old"), ("4", "s", "new")],
    ]
    replace_rows(open_table(place), place, rows([1], scoring_id="it's"), properties=properties(2, app_id="it's"))
    assert len(pairs(place, "uri")) == 6
    assert open_table(place).transaction_version("s") == 2


def test_a_replacement_from_a_stale_handle_is_refused(place, rows):
    append_rows(open_table(place), place, rows([1, 2]), properties=properties(1))
    stale = open_table(place)
    replace_rows(open_table(place), place, rows([1], run_id="first"), properties=properties(2))
    with pytest.raises(CommitFailedError):
        replace_rows(stale, place, rows([1], run_id="second"), properties=properties(2))
    assert [one for _, one in pairs(place, "run_id")].count("first") == 1
    assert len(pairs(place, "run_id")) == 2


@pytest.mark.parametrize("replacing_first", [True, False])
def test_a_replacement_and_a_compaction_never_double_a_row(place, rows, replacing_first):
    for number in range(3):
        append_rows(open_table(place), place, rows([number]), properties=properties(number + 1))
    first, second = open_table(place), open_table(place)
    steps = [
        lambda handle: replace_rows(handle, place, rows([1], run_id="new"), properties=properties(4)),
        lambda handle: handle.optimize.compact(),
    ]
    steps = steps if replacing_first else steps[::-1]
    steps[0](first)
    try:
        steps[1](second)
        refused = False
    except CommitFailedError:
        refused = True
    found = pairs(place, "run_id")
    assert len(found) == len(dict(found)) == 3
    assert [one for _, one in found].count("new") == (0 if refused and not replacing_first else 1)


def test_three_processes_that_make_one_table_make_it_once(output):
    code = """
import sys
from gsgmodel.results.delta import create_table, open_table
from gsgmodel.results.storage import output_place
print("ready", flush=True)
sys.stdin.readline()
place = output_place(sys.argv[1], s3_endpoint=sys.argv[2] or None)
create_table(place)
print(open_table(place).version())
"""
    command = [sys.executable, "-c", code, f"{output.uri}/videos", output.s3_endpoint or ""]
    makers = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(3)]
    assert [maker.stdout.readline() for maker in makers] == ["ready\n"] * 3
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    assert [(maker.communicate(timeout=60)[0], maker.returncode) for maker in makers] == [("0\n", 0)] * 3
    assert open_table(output.place / "videos").version() == 0


def test_a_table_left_half_made_is_made(tmp_path):
    (tmp_path / "videos" / "_delta_log").mkdir(parents=True)
    create_table(LocalPlace(tmp_path / "videos"))
    assert open_table(LocalPlace(tmp_path / "videos")).version() == 0


def test_something_else_in_the_place_is_refused(tmp_path):
    (tmp_path / "videos").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "videos" / "a.parquet")
    with pytest.raises(ConfigError, match="not a table of results"):
        create_table(LocalPlace(tmp_path / "videos"))
    (tmp_path / "file").write_bytes(b"x")
    for name in ("file", "file/videos"):
        with pytest.raises(ConfigError, match="is, or lies below, a file"):
            create_table(LocalPlace(tmp_path / name))


def test_no_table_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    for name in ("nothing", "empty", "file"):
        with pytest.raises(ConfigError, match="no table of results can be read") as caught:
            open_table(LocalPlace(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_a_broken_log_is_one_sentence(place):
    (place / "_delta_log").write("00000000000000000000.json", b"{broken")
    with pytest.raises(ConfigError, match="can be read") as caught:
        open_table(place)
    assert "\n" not in str(caught.value)


def test_a_table_with_other_columns_is_refused_and_names_them(tmp_path):
    score = VIDEOS.get_field_index("score")
    others = {
        "notes": VIDEOS.remove(VIDEOS.get_field_index("notes")),
        "later": VIDEOS.append(pa.field("later", pa.string())),
        "score": VIDEOS.set(score, pa.field("score", pa.float32())),
        "the order of columns": pa.schema(list(VIDEOS)[::-1]),
    }
    for name, schema in others.items():
        DeltaTable.create(str(tmp_path / name), schema=schema)
        with pytest.raises(ConfigError, match=f"of another version, by {name}$"):
            open_table(LocalPlace(tmp_path / name))


def test_a_table_written_by_deltalake_alone_is_accepted(tmp_path, rows):
    write_deltalake(str(tmp_path / "videos"), rows([1]))
    assert len(pairs(LocalPlace(tmp_path / "videos"), "uri")) == 1


def test_no_permission_to_create_is_one_sentence(public_folder, run_unprivileged):
    code = """
try:
    create_table(LocalPlace(Path(sys.argv[1]) / "videos"))
except OutputError as error:
    print(error)
"""
    imports = """
from pathlib import Path
from gsgmodel.results.delta import create_table
from gsgmodel.results.places import LocalPlace
from gsgmodel.errors import OutputError
"""
    said = run_unprivileged(imports, code, str(public_folder))
    assert said == f"results cannot be written to '{public_folder}/videos': Permission denied\n"


def test_a_disk_that_fills_up_is_one_sentence_and_loses_nothing(run_on_small_disk, tmp_path, rows):
    """Nothing is printed by the libraries below, and what was committed can still be read."""
    pq.write_table(rows(range(2_000)), tmp_path / "rows.parquet")
    code = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from deltalake import CommitProperties, Transaction
from gsgmodel.results.delta import append_rows, ask, create_table, open_table
from gsgmodel.results.places import LocalPlace
from gsgmodel.errors import OutputError
folder, rows = LocalPlace(Path(sys.argv[1]) / "videos"), pq.read_table(sys.argv[2])
create_table(folder)
committed = 0
try:
    while True:
        transaction = Transaction("s", committed + 1)
        properties = CommitProperties(app_transactions=[transaction])
        append_rows(open_table(folder), folder, rows, properties=properties)
        committed += 1
except OutputError as error:
    print(error)
assert committed > 0
assert ask(open_table(folder), "SELECT count(*) AS n FROM videos")["n"].to_pylist() == [committed * rows.num_rows]
print("left over", len(list(folder.path.glob("*.parquet"))) - committed)
"""
    lines = run_on_small_disk(code, 1_000, str(tmp_path / "rows.parquet")).splitlines()
    assert lines[0].endswith("/disk/videos': No space left on device")
    assert lines[1:] == ["left over 0"]


def test_quotes_in_texts_are_doubled():
    assert quoted("a'b''") == "'a''b'''''"


def test_an_append_without_permission_raises_an_output_error(public_folder, run_unprivileged, rows):
    create_table(LocalPlace(public_folder / "videos"))
    pq.write_table(rows([1]), public_folder / "rows.parquet")
    code = """
folder = LocalPlace(Path(sys.argv[1]) / "videos")
for act in (append_rows, replace_rows):
    try:
        act(open_table(folder), folder, pq.read_table(sys.argv[1] + "/rows.parquet"), properties=CommitProperties())
    except OutputError as error:
        print(error)
"""
    imports = """
from pathlib import Path
import pyarrow.parquet as pq
from deltalake import CommitProperties
from gsgmodel.results.delta import append_rows, open_table, replace_rows
from gsgmodel.results.places import LocalPlace
from gsgmodel.errors import OutputError
"""
    said = run_unprivileged(imports, code, str(public_folder))
    sentence = f"results cannot be written to '{public_folder}/videos': Permission denied\n"
    assert said.startswith(sentence)
    assert said.endswith(sentence)
    assert said.count("Permission denied") == 2
