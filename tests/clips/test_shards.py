"""Shards: what is written is read back bit by bit, a clip at a time, and a file explains itself."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gsgmodel.clips.shards import ShardClip, ShardReader, pack_rows, unpack_rows, write_shard
from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.places import LocalPlace
from gsgmodel.results.storage import output_place
from tests.clips.conftest import FRAMES, SIZE_PX, clip_of, pixels

SHAPES = st.sampled_from([(1, 1, 1), (2, 5, 4), (3, 4, 4, 3), (1, 7, 1, 3)])


@pytest.fixture
def place(tmp_path):
    (tmp_path / "shards").mkdir()
    return LocalPlace(tmp_path / "shards")


def reader_of(place, **settings):
    return ShardReader(place, num_frames=FRAMES, size_px=SIZE_PX, **settings)


@given(frames=SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape)))
def test_unpacking_undoes_packing(frames):
    before = frames.copy()
    np.testing.assert_array_equal(unpack_rows(pack_rows(frames)), frames)
    np.testing.assert_array_equal(frames, before)


def test_packing_makes_smooth_pictures_small():
    rows = np.arange(64, dtype=np.uint8)[:, None]
    frame = np.broadcast_to(rows * 3 + 5, (2, 64, 64))
    packed = pack_rows(frame)
    assert set(packed[:, 1:].ravel().tolist()) == {3}
    assert set(packed[:, 0].ravel().tolist()) == {5}


def test_every_clip_is_read_back_in_any_order(home):
    place = home.place / "shards"
    place.make()
    clips = [clip_of(1, 0), clip_of(1, 1, has_mask=True), clip_of(2, 0, has_mask=True)]
    name = write_shard(place, clips, preparation_id="p")
    reader = reader_of(place)
    for row in (2, 0, 1, 2):
        np.testing.assert_array_equal(reader.crops(name, row), clips[row].crops)
        mask = reader.mask(name, row)
        if clips[row].mask is None:
            assert mask is None
        else:
            np.testing.assert_array_equal(mask, clips[row].mask)


def test_a_shard_says_what_is_in_it(place):
    name = write_shard(place, [clip_of(1, 0), clip_of(7, 3)], preparation_id="p")
    with pq.ParquetFile(place.path / name) as file:
        assert file.num_row_groups == 2
        found = file.schema_arrow.metadata
        rows = file.read(columns=["video_id", "uri", "clip"]).to_pylist()
    assert [(row["uri"], row["clip"]) for row in rows] == [("file:///1.mp4", 0), ("file:///7.mp4", 3)]
    assert rows[1]["video_id"] == clip_of(7, 3).video_id
    assert (found[b"gsg.preparation_id"], found[b"gsg.frames"], found[b"gsg.size_px"]) == (b"p", b"3", b"8")
    assert b"row above" in found[b"gsg.layout"] or b"one above" in found[b"gsg.layout"]


def bytes_read_by_this_process() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


def test_a_clip_costs_the_bytes_of_its_row_group(place):
    noise = np.random.default_rng(0).integers(0, 256, (8, FRAMES, 64, 64, 3), np.uint8)
    clips = [ShardClip(video_id=b"v" * 16, uri="u", number=n, crops=noise[n], mask=None) for n in range(8)]
    name = write_shard(place, clips, preparation_id="p")
    reader = ShardReader(place, num_frames=FRAMES, size_px=64)
    reader.crops(name, 0)
    before = bytes_read_by_this_process()
    np.testing.assert_array_equal(reader.crops(name, 5), noise[5])
    assert noise[5].nbytes < bytes_read_by_this_process() - before < 2 * noise[5].nbytes


def test_threads_share_a_reader_that_keeps_few_shards_open(place):
    names = [write_shard(place, [clip_of(n, 0), clip_of(n, 1)], preparation_id="p") for n in range(12)]
    reader = reader_of(place, most_open=3)
    wanted = [(n % 12, n % 2) for n in range(240)]
    random.Random(0).shuffle(wanted)
    with ThreadPoolExecutor(8) as pool:
        for (video, number), crops in zip(
            wanted, pool.map(lambda each: reader.crops(names[each[0]], each[1]), wanted), strict=True
        ):
            np.testing.assert_array_equal(crops, pixels(video, number))
    assert len(reader._opened) == 3


def test_what_cannot_be_read_is_a_sentence_that_names_the_shard(place):
    name = write_shard(place, [clip_of(1, 0)], preparation_id="p")
    with pytest.raises(ConfigError, match=rf"row 1 of the shard '.*{name}' cannot be read: it has 1 rows"):
        reader_of(place).crops(name, 1)
    with pytest.raises(ConfigError, match="has 576 crops values, not 768"):
        ShardReader(place, num_frames=FRAMES + 1, size_px=SIZE_PX).crops(name, 0)
    with pytest.raises(ConfigError, match=r"'.*/none.parquet' cannot be read: No such file"):
        reader_of(place).crops("none.parquet", 0)
    (place.path / "broken.parquet").write_bytes(b"PAR1" * 9)
    with pytest.raises(ConfigError, match=r"broken.parquet' cannot be read"):
        reader_of(place).crops("broken.parquet", 0)
    whole = (place.path / name).read_bytes()
    (place.path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=r"cut.parquet' cannot be read"):
        reader_of(place).crops("cut.parquet", 0)


@pytest.mark.usefixtures("s3_environment")
def test_a_store_that_does_not_answer_is_a_sentence():
    place = output_place("s3://bucket/store", s3_endpoint="http://127.0.0.1:9") / "shards"
    with pytest.raises(ConfigError, match=r"of the shard 's3://bucket/store/shards/a.parquet' cannot be read"):
        reader_of(place).crops("a.parquet", 0)
    with pytest.raises(OutputError, match="cannot be written to 's3://bucket/store/shards'"):
        write_shard(place, [clip_of(1, 0)], preparation_id="p")


def test_a_folder_that_is_gone_is_a_sentence(tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        write_shard(LocalPlace(tmp_path / "gone"), [clip_of(1, 0)], preparation_id="p")
