"""SRU against its published equations, written out in numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.model.sru import SRU, SRULayer, SRUOptions


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def published(layer, x, *, version, alpha, u=None):
    """Equations of Lei et al. (2018), one item and one step at a time, in float64."""
    hidden = layer.bias.shape[0] // 2
    u = x @ layer.weight.detach().double().numpy() if u is None else u
    u = u.reshape(*x.shape[:2], hidden, -1)
    bias = layer.bias.detach().double().numpy()
    see = np.zeros(2 * hidden) if version == "v1" else layer.weight_c.detach().double().numpy()
    outputs = np.zeros((*x.shape[:2], hidden))
    for item in range(x.shape[0]):
        c = np.zeros(hidden)
        for t in range(x.shape[1]):
            f = sigmoid(u[item, t, :, 1] + bias[:hidden] + see[:hidden] * c)
            r = sigmoid(u[item, t, :, 2] + bias[hidden:] + see[hidden:] * c)
            c = f * c + (1 - f) * u[item, t, :, 0]
            highway = u[item, t, :, 3] if u.shape[-1] == 4 else alpha * x[item, t]
            outputs[item, t] = r * c + (1 - r) * highway
    return outputs


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("inputs", [6, 4])
@pytest.mark.parametrize(("rescale", "bias"), [(False, 0.0), (True, -2.0)])
def test_a_layer_equals_the_published_equations(version, inputs, rescale, bias):
    torch.manual_seed(1)
    layer = SRULayer(inputs, 6, SRUOptions(version, rescale, bias))
    assert layer.weight.shape == (inputs, 6 * (3 if inputs == 6 else 4))
    x = torch.randn(3, 7, inputs)
    alpha = np.sqrt(1 + 2 * np.exp(bias)) if rescale else 1.0
    expected = published(layer, x.double().numpy(), version=version, alpha=alpha)
    assert np.abs(layer(x).detach().numpy() - expected).max() < 1e-6


def test_layers_stand_on_each_other():
    torch.manual_seed(2)
    unit = SRU(5, 4, layers=3)
    x = torch.randn(2, 6, 5)
    expected = x.double().numpy()
    for layer in unit.forward_layers:
        expected = published(layer, expected, version="v2", alpha=1.0)
    assert np.abs(unit(x).detach().numpy() - expected).max() < 1e-6


def test_the_backward_direction_reads_the_sequence_from_its_end():
    torch.manual_seed(3)
    unit = SRU(5, 4, layers=1, bidirectional=True)
    x = torch.randn(2, 6, 5)
    ahead = published(unit.forward_layers[0], x.double().numpy(), version="v2", alpha=1.0)
    back = published(unit.backward_layers[0], x.double().numpy()[:, ::-1], version="v2", alpha=1.0)[:, ::-1]
    assert unit.outputs == 8
    assert np.abs(unit(x).detach().numpy() - np.concatenate([ahead, back], -1)).max() < 1e-6


@pytest.mark.parametrize(("inputs", "count"), [(512, 2_365_440), (1024, 3_676_160)])
def test_three_layers_of_512_have_the_published_number_of_parameters(inputs, count):
    with torch.device("meta"):
        assert sum(p.numel() for p in SRU(inputs, 512).parameters()) == count


@pytest.mark.parametrize("inputs", [400, 300])
def test_weights_start_as_published(inputs):
    torch.manual_seed(4)
    layer = SRULayer(inputs, 400, SRUOptions("v2", rescale=True, highway_bias=-2.0))
    columns = layer.weight.detach().reshape(inputs, 400, -1)
    bound = np.sqrt(3 / inputs)
    scales = [1, np.sqrt(0.5), np.sqrt(0.5)] + ([layer.alpha] if inputs != 400 else [])
    for index, scale in enumerate(scales):
        column = columns[:, :, index]
        assert column.abs().max() <= bound * scale * 1.0001
        assert column.abs().max() > bound * scale * 0.999
        assert abs(column.mean()) < bound * scale * 0.01
    assert 0.98 < layer.weight_c.abs().max() / np.sqrt(1.5) <= 1
    assert layer.bias[:400].eq(0).all()
    assert layer.bias[400:].eq(-2).all()


def test_version_one_has_no_parameters_that_see_the_state():
    assert SRULayer(4, 4, SRUOptions("v1")).weight_c is None


@given(seed=st.integers(0, 1000), exists=st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_step_that_does_not_exist_changes_nothing_and_gives_zero(seed, exists):
    torch.manual_seed(seed)
    unit = SRU(3, 3, layers=2, bidirectional=bool(seed % 2))
    x = torch.randn(1, 6, 3)
    valid = torch.tensor([exists])
    with torch.no_grad():
        masked = unit(x, valid)
        if any(exists):
            assert torch.allclose(masked[valid], unit(x[:, valid[0]])[0], atol=1e-6)
    assert masked[~valid].eq(0).all()


def test_the_recurrence_stays_in_float32_under_autocast():
    torch.manual_seed(5)
    layer = SRULayer(8, 8)
    x = torch.randn(2, 12, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = layer(x)
        product = x @ layer.weight
    assert product.dtype == torch.bfloat16
    u = product.detach().double().numpy()
    expected = published(layer, x.double().numpy(), version="v2", alpha=1.0, u=u)
    assert mixed.dtype == torch.float32
    assert np.abs(mixed.detach().numpy() - expected).max() < 1e-6


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(6)
    unit = SRU(3, 2, layers=2)
    # The recurrence is float32 by design, hence the wide steps.
    x = torch.randn(1, 3, 3, requires_grad=True)
    unit(x).sum().backward()
    step = 1e-2
    for index in np.ndindex(1, 3, 3):
        moved = torch.zeros_like(x)
        moved[index] = step
        with torch.no_grad():
            slope = (unit(x + moved).sum() - unit(x - moved).sum()) / (2 * step)
        assert abs(slope - x.grad[index]) < 1e-3
