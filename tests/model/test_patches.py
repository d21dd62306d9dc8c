"""Patches, attention, selection and Eq. 2."""

from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.model.config import Aggregation
from gsgmodel.model.grid import Grid, num_patches, patch_starts
from gsgmodel.model.patches import (
    PatchAttention,
    extract_patches,
    patch_coefficients,
    pool_patches,
    select_patches,
)

KINDS = get_args(Aggregation)


def counted(cells):
    return torch.arange(cells * cells, dtype=torch.float32).reshape(1, 1, cells, cells)


def test_patches_are_the_windows_of_the_map_row_by_row():
    patches = extract_patches(counted(7), "spread")
    assert patches.shape == (1, 16, 1, 2, 2)
    assert patches[0, 0, 0].tolist() == [[0, 1], [7, 8]]
    assert patches[0, 2, 0].tolist() == [[3, 4], [10, 11]]
    assert patches[0, 15, 0].tolist() == [[40, 41], [47, 48]]


def test_stride_grids_equal_torchs_unfold():
    features = torch.rand(2, 3, 7, 7)
    for grid, stride in (("stride1", 1), ("stride2", 2)):
        unfolded = F.unfold(features, 2, stride=stride).reshape(2, 3, 2, 2, -1).permute(0, 4, 1, 2, 3)
        assert torch.equal(extract_patches(features, grid), unfolded)


def test_padding_does_not_dilute_a_patch():
    patches = extract_patches(counted(7), "pad_rb")
    assert patches[0, 3, 0].tolist() == [[6, 9.5], [13, 9.5]]
    assert patches[0, 15, 0].tolist() == [[48, 48], [48, 48]]
    left = extract_patches(counted(7), "pad1")
    assert left[0, 0, 0].tolist() == [[0, 0], [0, 0]]
    assert left[0, 5, 0].tolist() == [[8, 9], [15, 16]]


@given(grid=st.sampled_from(get_args(Grid)), cells=st.integers(2, 9))
def test_a_constant_map_gives_constant_patches_in_every_grid(grid, cells):
    patches = extract_patches(torch.full((1, 2, cells, cells), 3.0), grid)
    assert patches.shape == (1, num_patches(grid, cells), 2, 2, 2)
    assert torch.equal(patches, torch.full_like(patches, 3.0))


def test_a_map_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="not 4x5"):
        extract_patches(torch.zeros(1, 1, 4, 5), "spread")


def test_attention_has_the_parameters_of_the_paper():
    assert sum(p.numel() for p in PatchAttention(2048, 128).parameters()) == 262_401


def test_attention_is_a_softmax_over_the_patches_of_one_frame():
    attention = PatchAttention(4, 1)
    with torch.no_grad():
        attention.hidden.weight.fill_(1)
        attention.hidden.bias.fill_(-1)
        attention.output.weight.fill_(2)
        attention.output.bias.fill_(5)
    # Sums 0, 2 and 4 give ReLU(sum - 1) = 0, 1 and 3, scalars 5, 7 and 11; the shift by 5 cancels.
    patches = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1, 1, 1).expand(2, 3, 1, 2, 2).clone()
    patches[1] = 0
    weights = attention(patches)
    expected = torch.tensor([0.0, 2.0, 6.0]).exp()
    assert torch.allclose(weights[0], expected / expected.sum())
    assert torch.allclose(weights[1], torch.full((3,), 1 / 3))


def test_tanh_is_an_option():
    attention = PatchAttention(4, 2, activation="tanh")
    patches = torch.randn(1, 3, 1, 2, 2)
    scalars = attention.output(attention.hidden(patches.flatten(2)).tanh()).squeeze(-1)
    assert torch.equal(attention(patches), scalars.softmax(-1))


def test_the_best_patches_are_selected_and_ties_go_by_index():
    weights = torch.tensor([[0.1, 0.3, 0.1, 0.3, 0.2]])
    assert select_patches(weights, 4).tolist() == [[1, 3, 4, 0]]
    assert select_patches(torch.full((1, 16), 1 / 16), 5).tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("count", [0, 4])
def test_a_number_of_patches_that_is_not_there_is_refused(count):
    with pytest.raises(ValueError, match=f"cannot select {count} of 3"):
        select_patches(torch.full((1, 3), 1 / 3), count)


@given(scalars=st.lists(st.integers(-3, 3), min_size=2, max_size=12), data=st.data())
def test_no_patch_that_was_left_out_weighs_more_than_a_selected_one(scalars, data):
    weights = torch.tensor([scalars], dtype=torch.float32).softmax(-1)
    count = data.draw(st.integers(1, len(scalars)))
    selected = select_patches(weights, count)[0].tolist()
    left = set(range(len(scalars))) - set(selected)
    assert len(set(selected)) == count
    assert all(weights[0, i] >= weights[0, j] for i in selected for j in left)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("literal", [0.5, 0.0, 0.5, 0.0]),
        ("st_gate", [0.5, 0.0, 0.5, 0.0]),
        ("st_softmax", [0.5, 0.0, 0.5, 0.0]),
        ("gate_renorm", [0.6, 0.0, 0.4, 0.0]),
        ("soft_all", [0.48, 0.15, 0.32, 0.05]),
    ],
)
def test_each_aggregation_weighs_patches_as_its_formula_says(kind, expected):
    weights = torch.tensor([[0.48, 0.15, 0.32, 0.05]])
    coefficients = patch_coefficients(weights, select_patches(weights, 2), kind)
    assert torch.allclose(coefficients, torch.tensor([expected]))


def test_the_local_feature_is_the_mean_of_the_best_patches_pooled():
    patches = torch.tensor([[[[[1.0, 2], [3, 4]]], [[[9, 9], [9, 9]]], [[[5, 6], [7, 8]]]]])
    weights = torch.tensor([[0.5, 0.1, 0.4]])
    coefficients = patch_coefficients(weights, select_patches(weights, 2), "st_gate")
    # Mean of the two patches: [[3, 4], [5, 6]].
    assert pool_patches(patches, coefficients).tolist() == [[4.5]]
    assert pool_patches(patches, coefficients, by="max").tolist() == [[6.0]]


@given(seed=st.integers(0, 2**16), count=st.integers(1, 9))
def test_straight_through_estimators_have_exactly_the_value_of_equation_two(seed, count):
    stream = torch.Generator().manual_seed(seed)
    weights = torch.randn(3, 9, generator=stream).mul(4).softmax(-1)
    selected = select_patches(weights, count)
    literal = patch_coefficients(weights, selected, "literal")
    assert torch.equal(patch_coefficients(weights, selected, "st_gate"), literal)
    assert torch.equal(patch_coefficients(weights, selected, "st_softmax"), literal)


def gradient_of_attention(kind):
    torch.manual_seed(0)
    attention = PatchAttention(12, 4)
    patches = torch.randn(2, 9, 3, 2, 2)
    weights = attention(patches)
    coefficients = patch_coefficients(weights, select_patches(weights, 3), kind)
    target = pool_patches(patches, coefficients).square().sum()
    if not target.requires_grad:
        return None
    target.backward()
    return sum(p.grad.abs().sum().item() for p in attention.parameters())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "literal"])
def test_the_attention_network_learns_with_every_aggregation_but_literal(kind):
    assert gradient_of_attention(kind) > 0


def test_the_attention_network_gets_no_gradient_at_all_from_equation_two_taken_literally():
    assert gradient_of_attention("literal") is None


def test_the_gate_pulls_a_patch_by_what_it_adds_to_the_mean():
    weights = torch.tensor([[0.5, 0.3, 0.2]], requires_grad=True)
    patches = torch.tensor([2.0, 4.0, 8.0]).reshape(1, 3, 1, 1, 1).expand(1, 3, 1, 2, 2)
    pool_patches(patches, patch_coefficients(weights, select_patches(weights, 2), "st_gate")).sum().backward()
    assert weights.grad.tolist() == [[1.0, 2.0, 0.0]]


def test_grids_of_maps_and_starts_agree():
    for grid in get_args(Grid):
        assert extract_patches(counted(7), grid).shape[1] == len(patch_starts(grid, 7)) ** 2


def share_of_planted_patches_found(kind):
    """Two of 16 patches of a fake carry a direction; the label is all that the networks are told."""
    torch.manual_seed(0)
    attention, classify = PatchAttention(8, 16), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD([*attention.parameters(), *classify.parameters()], lr=0.1, momentum=0.9)
    for _ in range(200):
        labels = torch.arange(64) % 2
        patches = torch.randn(64, 16, 2, 2, 2) * 0.5
        planted = torch.rand(64, 16).argsort(dim=1)[:, :2]
        mark = torch.zeros(64, 16).scatter(1, planted, 1.0) * labels[:, None]
        patches[:, :, 0] += mark[:, :, None, None]
        weights = attention(patches)
        selected = select_patches(weights, 5)
        local = pool_patches(patches, patch_coefficients(weights, selected, kind))
        optimizer.zero_grad()
        F.cross_entropy(classify(local), labels).backward()
        optimizer.step()
    found = (selected[:, :, None] == planted[:, None]).any(1)
    return found[labels == 1].float().mean().item()


def test_training_finds_the_patches_that_make_a_fake_with_the_gate_but_not_with_equation_two_alone():
    assert share_of_planted_patches_found("st_gate") > 0.95
    # Random patches would hold 5 of 16.
    assert share_of_planted_patches_found("literal") < 0.6
