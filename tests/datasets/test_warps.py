import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from gsgmodel.datasets.warps import fit_affine, look, move, turn_and_scale

FACE = np.array([[30.0, 40.0], [70.0, 38.0], [50.0, 60.0], [35.0, 80.0], [66.0, 79.0]])
coordinate = st.floats(-500, 500, width=32)
points = arrays(np.float64, 2, elements=coordinate)


def apply(matrix, xy):
    return (matrix @ np.append(xy, 1.0))[:2]


@given(shift=points, point=points)
def test_moving_adds(shift, point):
    assert np.allclose(apply(move(shift), point), point + shift)


@given(centre=points, point=points, scale=st.floats(0.1, 10), turn=st.floats(-3, 3))
def test_turning_keeps_the_centre_and_scales_every_distance_from_it(centre, point, scale, turn):
    matrix = turn_and_scale(centre, scale=scale, turn_rad=turn)
    assert np.allclose(apply(matrix, centre), centre, atol=1e-6)
    distance = np.linalg.norm(apply(matrix, point) - centre)
    assert distance == pytest.approx(scale * np.linalg.norm(point - centre), rel=1e-6, abs=1e-6)


def test_a_quarter_turn_takes_right_to_down():
    matrix = turn_and_scale(np.array([10.0, 10.0]), scale=2.0, turn_rad=np.pi / 2)
    assert np.allclose(apply(matrix, [11.0, 10.0]), [10.0, 12.0])


@given(shift=points, scale=st.floats(0.2, 5), turn=st.floats(-3, 3), stiffness=st.floats(0, 100))
def test_a_map_that_turns_scales_and_moves_is_found_again_however_stiff(shift, scale, turn, stiffness):
    true = move(shift) @ turn_and_scale(np.array([50.0, 60.0]), scale=scale, turn_rad=turn)
    onto = np.array([apply(true, point) for point in FACE])
    assert np.allclose(fit_affine(FACE, onto, stiffness=stiffness), true, atol=1e-6)


def test_without_stiffness_a_stretch_is_followed_and_with_much_of_it_proportions_are_kept():
    onto = FACE * [0.5, 1.0]
    assert np.allclose(fit_affine(FACE, onto, stiffness=0.0), np.diag([0.5, 1.0, 1.0]), atol=1e-9)
    stiff = fit_affine(FACE, onto, stiffness=1e9)
    assert stiff[0, 0] == pytest.approx(stiff[1, 1], abs=1e-6)
    assert 0.5 < stiff[0, 0] < 1.0


@given(onto=arrays(np.float64, (5, 2), elements=coordinate), stiffness=st.floats(0, 100))
def test_the_centre_of_the_points_comes_to_lie_on_the_centre_of_the_others(onto, stiffness):
    fitted = fit_affine(FACE, onto, stiffness=stiffness)
    assert np.allclose(apply(fitted, FACE.mean(axis=0)), onto.mean(axis=0), atol=1e-6)


def test_looking_through_a_move_shows_what_lies_there_and_black_beyond():
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    seen = look(Image.fromarray(grey), move(np.array([2.0, 1.0])), (8, 6))
    assert np.array_equal(seen[:5, :6], grey[1:, 2:])
    assert not seen[5:].any()
    assert not seen[:, 6:].any()


def test_the_size_is_width_and_height():
    assert look(Image.new("L", (4, 4)), np.eye(3), (7, 3)).shape == (3, 7)
