"""Tables of another kind than scores: their own columns, key, statuses and check, kept as strictly as the first."""

import hashlib

import pyarrow as pa
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.results.delta import all_rows, create_table, handle, open_table
from gsgmodel.results.kinds import RowKind, check_rows, holds
from gsgmodel.results.schema import VIDEO_ROWS, VIDEOS
from gsgmodel.results.table import VideoTable

SCHEMA = pa.schema(
    [
        ("video_id", pa.binary()),
        ("way", pa.string()),
        ("status", pa.string()),
        ("decoder", pa.string()),
        ("parts", pa.list_(pa.struct([("name", pa.string()), ("flags", pa.list_(pa.bool_()))]))),
    ]
)


def check_parts(rows):
    if not holds(pa.chunked_array([[row is not None for row in rows["parts"].to_pylist()]], pa.bool_())):
        raise ValueError("parts are missing")


THINGS = RowKind(
    name="things",
    title="table of things",
    schema=SCHEMA,
    key_column="way",
    bounded=("way", "status"),
    never_null=("video_id", "way"),
    statuses=frozenset({"kept", "crashed"}),
    check=check_parts,
)


def things(*numbers, **changes):
    rows = [
        {
            "video_id": hashlib.blake2b(str(number).encode(), digest_size=16).digest(),
            "way": "w",
            "status": "kept",
            "decoder": "av 1",
            "parts": [{"name": f"part {number}", "flags": [True, False]}],
        }
        | changes
        for number in numbers
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def test_another_kind_lives_beside_the_scores_and_keeps_one_row_for_a_video_and_key(output, rows):
    table = VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint, kind=THINGS)
    assert table.uri.endswith("/things")
    assert table.append(things(1, 2), key="w") == 2
    assert table.append(things(2, 3), key="w") == 1
    assert table.append(things(2, way="v"), key="v") == 1
    scores = VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint)
    assert scores.append(rows([1]), key="s") == 1
    again = VideoTable.open(output.uri, s3_endpoint=output.s3_endpoint, kind=THINGS)
    assert len(again.load_done("w")) == 3
    found = again.query("SELECT parts FROM things WHERE way = 'w' ORDER BY parts[1]['name']").to_pylist()
    assert [row["parts"] for row in found] == [[{"name": f"part {n}", "flags": [True, False]}] for n in (1, 2, 3)]


def test_stale_rows_of_another_kind_are_replaced_with_their_nested_columns(output):
    table = VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint, kind=THINGS)
    table.append(things(1, 2), key="w")
    table.load_done("w").stale.update(things(2)["video_id"].to_pylist())
    assert table.append(things(1, 2, parts=[{"name": "new", "flags": [None, True]}]), key="w") == 1
    found = [row["parts"][0] for row in table.query("SELECT parts FROM things").to_pylist()]
    assert sorted(found, key=str) == [
        {"name": "new", "flags": [None, True]},
        {"name": "part 1", "flags": [True, False]},
    ]


def test_the_first_description_of_a_table_stands(output):
    for text in ("first", "second"):
        create_table(output.place / "things", kind=THINGS, description=text)
    assert handle(output.place / "things").metadata().description == "first"


def test_a_table_of_one_kind_is_not_opened_as_another(output):
    create_table(output.place / "videos")
    other = RowKind(**{name: getattr(THINGS, name) for name in THINGS.__slots__} | {"name": "videos"})
    with pytest.raises(ConfigError, match=r"the table of things in .* is of another version, by"):
        VideoTable.open(output.uri, s3_endpoint=output.s3_endpoint, kind=other)
    with pytest.raises(ConfigError, match="no table of things can be read"):
        VideoTable.open(output.uri, s3_endpoint=output.s3_endpoint, kind=THINGS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video_id": b"short"}, "16 bytes"),
        ({"video_id": None}, "null in video_id"),
        ({"video_id": None, "way": None}, "null in video_id, way"),
        ({"way": "other"}, "way is not 'w'"),
        ({"status": "scored"}, "status .*accepted: crashed, kept"),
        ({"status": None}, "status"),
        ({"parts": None}, "parts are missing"),
    ],
)
def test_a_row_that_breaks_a_rule_of_its_kind_is_refused(changes, message):
    check_rows(things(1, 2), key="w", kind=THINGS)
    with pytest.raises(ValueError, match=message):
        check_rows(pa.concat_tables([things(1, 2), things(3, **changes)]), key="w", kind=THINGS)


def test_rows_of_another_schema_are_refused(rows):
    with pytest.raises(ValueError, match="notes"):
        check_rows(rows([1]).drop_columns(["notes"]), key="s", kind=VIDEO_ROWS)
    with pytest.raises(ValueError, match="order"):
        check_rows(rows([1]).select(VIDEOS.names[::-1]), key="s", kind=VIDEO_ROWS)


def test_the_key_of_scores_is_their_scoring_id(rows):
    check_rows(rows([1]), key="s", kind=VIDEO_ROWS)
    with pytest.raises(ValueError, match="scoring_id is not 't'"):
        check_rows(rows([1]), key="t", kind=VIDEO_ROWS)


def test_no_rows_hold_anything_and_null_is_no_yes():
    assert holds(pa.chunked_array([], pa.bool_()))
    assert not holds(pa.chunked_array([[True, None]]))


def test_a_table_says_what_it_was_created_for_and_hands_out_all_its_rows(output):
    where = {"s3_endpoint": output.s3_endpoint, "kind": THINGS}
    table = VideoTable.open_or_create(output.uri, **where, description="things of 2026")
    assert VideoTable.open_or_create(output.uri, **where, description="others").description == "things of 2026"
    assert table.rows().num_rows == 0
    table.append(things(1, 2), key="w")
    table.append(things(2, way="v"), key="v")
    by_id = [("video_id", "ascending"), ("way", "ascending")]
    written = pa.concat_tables([things(1, 2), things(2, way="v")])
    assert table.rows().sort_by(by_id).equals(written.sort_by(by_id))
    assert sorted(table.rows(["way"])["way"].to_pylist()) == ["v", "w", "w"]
    assert VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint).description == ""


def test_a_snapshot_stays_what_it_was(output):
    place = output.place / "things"
    create_table(place, kind=THINGS)
    table = VideoTable(place, kind=THINGS)
    table.append(things(1), key="w")
    table.append(things(2), key="w")
    found = [all_rows(open_table(place, kind=THINGS, version=n), place, kind=THINGS).num_rows for n in (0, 1, 2)]
    assert found == [0, 1, 2]
