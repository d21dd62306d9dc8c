import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from gsgmodel.faces.area import Window, area_weights, average_windows

CPU = torch.device("cpu")


def noise(height, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@given(st.integers(1, 90), st.integers(1, 60))
def test_every_bin_averages_and_no_value_is_left_out(length, bins):
    weights = area_weights(length, bins, device=CPU)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(bins))
    assert bool((weights.sum(dim=0) > 0).all())


@given(st.integers(1, 80), st.integers(1, 80), st.sampled_from([1, 24, 48]))
def test_windows_are_averaged_as_area_interpolation_does(height, width, side):
    frame = noise(100, 90)
    window = Window(0, 7, 7 + height, 3, min(3 + width, 90))
    expected = interpolate(
        frame[7 : window.y1_px, 3 : window.x1_px].permute(2, 0, 1)[None].float(), size=(side, side), mode="area"
    )
    torch.testing.assert_close(average_windows([frame], [window], side_px=side), expected, rtol=0, atol=1e-3)


def test_each_window_comes_from_its_own_frame_and_sizes_may_differ():
    frames = [torch.full((30, 40, 3), 10, dtype=torch.uint8), torch.full((50, 20, 3), 200, dtype=torch.uint8)]
    squares = average_windows(frames, [Window(1, 0, 50, 0, 20), Window(0, 5, 9, 5, 9)], side_px=24)
    assert squares[0].unique().tolist() == pytest.approx([200.0])
    assert squares[1].unique().tolist() == pytest.approx([10.0])
    assert squares.shape == (2, 3, 24, 24)
    assert squares.is_contiguous(memory_format=torch.channels_last)
