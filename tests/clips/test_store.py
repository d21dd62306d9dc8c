"""A store as training sees it: which clips there are, and any of them by its number, here or in another process."""

import pickle
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from gsgmodel.clips.schema import INDEX_ROWS
from gsgmodel.clips.store import ClipStore
from gsgmodel.errors import ConfigError
from gsgmodel.results.table import VideoTable
from tests.clips.conftest import RECIPE, Home, index_row, pixels, video_id_of

VIDEOS = {5: 3, 1: 2, 4: 1, 3: 0}
"""Videos in the order of their commit, and how many clips each has; the last shows no face."""


def opened(home):
    return ClipStore.open(home.uri, s3_endpoint=home.s3_endpoint)


@pytest.fixture
def store(home, store_rows, fill_store):
    fill_store(home, store_rows(home, VIDEOS))
    return opened(home)


def test_videos_that_have_clips_come_by_uri_and_clips_by_video_and_time(store):
    assert store.preparation == RECIPE.preparation
    assert store.recipe == RECIPE
    assert store.videos["uri"].to_pylist() == ["file:///1.mp4", "file:///4.mp4", "file:///5.mp4"]
    assert store.videos["num_clips"].to_pylist() == [2, 1, 3]
    assert store.clips["video"].to_pylist() == [0, 0, 1, 2, 2, 2]
    assert store.clips["label"].to_pylist() == [1, 1, 0, 1, 1, 1]
    assert store.clips["split"].to_pylist() == ["train"] * 6
    assert store.clips["start_s"].to_pylist() == [0, 0, 0, 0, 0, 60]
    assert store.clips["track_id"].to_pylist() == [0, 1, 0, 0, 1, 0]
    assert store.clips["time_s"][5].as_py() == [60.0, 61.0, 62.0]
    assert store.clips["boxes_px"][4].as_py() == [1.0] * 12


def test_any_clip_is_read_by_its_number_bit_by_bit(store):
    kept = [(1, 0), (1, 1), (4, 0), (5, 0), (5, 1), (5, 2)]
    order = list(range(len(kept)))
    random.Random(0).shuffle(order)
    for index in order:
        crops = store.read_crops(index)
        assert crops.dtype == np.uint8
        np.testing.assert_array_equal(crops, pixels(*kept[index]))
        mask = store.read_mask(index)
        if kept[index][0] % 2:
            np.testing.assert_array_equal(mask, pixels(*kept[index])[..., 0] // 2)
        else:
            assert mask is None
    for wrong in (-1, len(kept)):
        with pytest.raises(IndexError, match="of 6"):
            store.read_crops(wrong)


def test_many_threads_read_at_once(store):
    kept = [(1, 0), (1, 1), (4, 0), (5, 0), (5, 1), (5, 2)]
    with ThreadPoolExecutor(8) as pool:
        for index, crops in zip(range(48), pool.map(store.read_crops, [n % 6 for n in range(48)]), strict=True):
            np.testing.assert_array_equal(crops, pixels(*kept[index % 6]))


def test_sent_to_another_process_a_store_is_small_and_in_the_same_state(tmp_path, store_rows, fill_store):
    home = Home(f"{tmp_path}/store", None)
    fill_store(home, store_rows(home, VIDEOS))
    store = opened(home)
    sent = pickle.dumps(store)
    assert len(sent) < 1000
    fill_store(home, store_rows(home, {0: 1}))
    code = (
        "import pickle, sys; store = pickle.loads(bytes.fromhex(sys.argv[1])); "
        "print(store.clips.num_rows, store.digest, store.read_crops(5).sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, sent.hex()], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stdout.split() == ["6", store.digest, str(pixels(5, 2).sum())]
    assert opened(home).clips.num_rows == 7
    assert store.clips.num_rows == 6


def test_the_digest_is_of_what_is_held_and_not_of_its_order(tmp_path, store_rows, fill_store):
    homes = [Home(f"{tmp_path}/{number}", None) for number in range(3)]
    whole = store_rows(homes[0], VIDEOS)
    fill_store(homes[0], whole)
    for number in reversed(range(whole.num_rows)):
        fill_store(homes[1], whole.slice(number, 1))
    digests = [opened(home).digest for home in homes[:2]]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 64
    rows = whole.to_pylist()
    for name, value in {
        "label": 0,
        "split": "test",
        "identity": "x",
        "mask_id": b"m",
        "video_id": video_id_of(9),
    }.items():
        changed = pa.Table.from_pylist([rows[0] | {name: value}, *rows[1:]], schema=whole.schema)
        fill_store(homes[2], changed)
        assert opened(homes[2]).digest != digests[0], name
        homes[2] = Home(f"{tmp_path}/{name}", None)


def test_an_empty_store_has_no_clips(home, store_rows, fill_store):
    fill_store(home, store_rows(home, {1: 0}))
    store = opened(home)
    assert store.videos.num_rows == store.clips.num_rows == 0
    assert store.clips.schema.names[:3] == ["video", "label", "split"]
    assert len(store.digest) == 64


def test_what_is_no_store_or_a_broken_one_is_said_in_a_sentence(home):
    with pytest.raises(ConfigError, match="no clip store can be read in"):
        opened(home)
    VideoTable.open_or_create(home.uri, s3_endpoint=home.s3_endpoint, kind=INDEX_ROWS)
    with pytest.raises(ConfigError, match="is of another version: how its crops were made cannot be read"):
        opened(home)


def test_crops_of_two_preparations_are_refused(tmp_path, fill_store):
    home = Home(f"{tmp_path}/store", None)
    table = fill_store(home, pa.Table.from_pylist([index_row(1, [])], schema=INDEX_ROWS.schema))
    table.append(pa.Table.from_pylist([index_row(1, [], preparation_id="x")], schema=INDEX_ROWS.schema), key="x")
    with pytest.raises(ConfigError, match="another preparation: x"):
        opened(home)


def test_a_shard_that_is_gone_or_another_size_is_a_sentence(tmp_path, store_rows, fill_store):
    home = Home(f"{tmp_path}/store", None)
    fill_store(home, store_rows(home, {1: 1}))
    for path in (tmp_path / "store" / "shards").iterdir():
        path.unlink()
    with pytest.raises(ConfigError, match=r"row 0 of the shard .* cannot be read: No such file"):
        opened(home).read_crops(0)
