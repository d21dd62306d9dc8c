"""Weights that are the same everywhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.model.gsg import IMAGENET_MEAN
from gsgmodel.model.initial import draw_weights

PINNED = "14e39c3ea214793fc1df2c3f6f502cbf"
SHAPES = [
    ("backbone.stem.0.weight", (64, 3, 7, 7)),
    ("backbone.stem.1.weight", (64,)),
    ("backbone.stem.1.bias", (64,)),
    ("backbone.stem.1.running_mean", (64,)),
    ("backbone.stem.1.running_var", (64,)),
    ("backbone.stem.1.num_batches_tracked", ()),
    ("temporal.fusion_stream.unit.forward_layers.0.weight", (1024, 2048)),
    ("temporal.fusion_stream.unit.forward_layers.0.weight_c", (1024,)),
    ("temporal.fusion_stream.classify.weight", (2, 512)),
    ("mean", (3, 1, 1)),
]


def test_the_first_numbers_are_those_that_pcg64_gives():
    # Worked out in whole numbers: the top 24 bits k of each draw stand for (k / 2**23 - 1) * bound.
    raw = np.random.PCG64(7).random_raw(4)
    drawn = draw_weights([("layer.weight", (2, 2))], seed=7)["layer.weight"].ravel()
    bound = np.float32(np.sqrt(3 / 2))
    assert drawn.tolist() == [float(np.float32((int(k) >> 40) / 2**23 - 1) * bound) for k in raw]


def test_bits_are_pinned():
    drawn = draw_weights([("layer.weight", (2, 2))], seed=7)["layer.weight"]
    assert drawn.tobytes().hex() == PINNED


def test_each_tensor_is_drawn_for_its_place():
    drawn = draw_weights(SHAPES)
    assert {name: value.shape for name, value in drawn.items()} == dict(SHAPES)
    kernel = drawn["backbone.stem.0.weight"]
    assert np.isclose(kernel.var(), 1 / 147, rtol=0.05)
    assert np.isclose(drawn["temporal.fusion_stream.unit.forward_layers.0.weight"].var(), 1 / 1024, rtol=0.01)
    assert np.isclose(drawn["temporal.fusion_stream.classify.weight"].var(), 1 / 512, rtol=0.1)
    assert np.isclose(drawn["temporal.fusion_stream.unit.forward_layers.0.weight_c"].var(), 0.5, rtol=0.1)
    assert (drawn["backbone.stem.1.weight"] == 1).all()
    assert (drawn["backbone.stem.1.running_var"] == 1).all()
    assert not drawn["backbone.stem.1.bias"].any()
    assert not drawn["backbone.stem.1.running_mean"].any()
    assert drawn["backbone.stem.1.num_batches_tracked"].dtype == np.int64
    assert drawn["mean"].ravel().tolist() == np.float32(IMAGENET_MEAN).tolist()


@given(seed=st.integers(0, 2**32), order=st.permutations(range(3)))
def test_neither_the_order_of_tensors_nor_the_time_changes_a_bit(seed, order):
    shapes = [("a.weight", (3, 4)), ("b.weight", (2, 2, 3, 3)), ("c.weight_c", (5,))]
    one, other = draw_weights(shapes, seed=seed), draw_weights([shapes[i] for i in order], seed=seed)
    assert all(one[name].tobytes() == other[name].tobytes() for name, _ in shapes)
