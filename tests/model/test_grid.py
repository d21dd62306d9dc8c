"""Where patches lie on the map and on the crop."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.model.grid import PATCH_CELLS, Grid, num_patches, patch_boxes_px, patch_starts

GRIDS = get_args(Grid)


@pytest.mark.parametrize(
    ("grid", "starts", "count"),
    [
        ("spread", (0, 2, 3, 5), 16),
        ("pad_rb", (0, 2, 4, 6), 16),
        ("pad1", (-1, 1, 3, 5), 16),
        ("stride1", (0, 1, 2, 3, 4, 5), 36),
        ("stride2", (0, 2, 4), 9),
    ],
)
def test_a_map_of_seven_cells_splits_as_the_notes_say(grid, starts, count):
    assert patch_starts(grid, 7) == starts
    assert num_patches(grid, 7) == count


@pytest.mark.parametrize("cells", [8, 14, 28])
def test_even_maps_are_split_exactly_with_no_overlap(cells):
    assert patch_starts("spread", cells) == tuple(range(0, cells, 2))


@given(grid=st.sampled_from(GRIDS), cells=st.integers(2, 40))
def test_every_window_touches_the_map_and_starts_rise(grid, cells):
    starts = patch_starts(grid, cells)
    assert all(-1 <= start <= cells - 1 for start in starts)
    assert list(starts) == sorted(set(starts))


@given(grid=st.sampled_from([grid for grid in GRIDS if grid != "stride2"]), cells=st.integers(2, 40))
def test_every_cell_is_in_a_window_unless_stride_two_loses_it(grid, cells):
    covered = {start + offset for start in patch_starts(grid, cells) for offset in range(PATCH_CELLS)}
    assert set(range(cells)) <= covered


def test_stride_two_loses_an_odd_last_cell():
    assert max(patch_starts("stride2", 7)) + PATCH_CELLS == 6


def test_the_default_grid_is_the_same_when_the_face_is_mirrored():
    assert {5 - start for start in patch_starts("spread", 7)} == set(patch_starts("spread", 7))


def test_boxes_follow_the_rows_of_patches_on_the_crop():
    boxes = patch_boxes_px("spread", size_px=224)
    assert boxes.shape == (16, 4)
    assert boxes[0].tolist() == [0, 0, 64, 64]
    assert boxes[1].tolist() == [64, 0, 128, 64]
    assert boxes[4].tolist() == [0, 64, 64, 128]
    assert boxes[15].tolist() == [160, 160, 224, 224]


@given(grid=st.sampled_from(GRIDS), cells=st.integers(2, 16), stride=st.sampled_from([8, 16, 32]))
def test_boxes_lie_on_the_crop_and_none_is_empty(grid, cells, stride):
    size = cells * stride
    boxes = patch_boxes_px(grid, size_px=size, stride_px=stride)
    assert boxes.shape == (num_patches(grid, cells), 4)
    assert boxes.min() >= 0
    assert boxes.max() <= size
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes.dtype == np.int64


def test_a_map_smaller_than_a_patch_is_refused():
    with pytest.raises(ValueError, match="1 cells is smaller than a patch"):
        patch_starts("spread", 1)
