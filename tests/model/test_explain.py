"""Whether explanations point at what a network goes by: at artefacts that were planted."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gsgmodel.model.config import STRIDE_PX, GSGConfig
from gsgmodel.model.explain import cam, explain_clips
from gsgmodel.model.grid import patch_boxes_px
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.scoring import score_clips
from tests.small_model import FRAMES, SIZE_PX, draw_crops, make_network

SPOT_PX = 32
STEPS = 120


def planted(num, *, seed):
    """Clips of coarse noise; every second one bears a fine grid at a place of its own, the same in all frames."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 196, (num, FRAMES, 8, 8, 3), dtype=np.uint8)
    crops = coarse.repeat(SIZE_PX // 8, axis=2).repeat(SIZE_PX // 8, axis=3)
    places = rng.integers(0, (SIZE_PX - SPOT_PX) // 16 + 1, (num, 2)) * 16
    checks = (np.indices((SPOT_PX, SPOT_PX)).sum(axis=0) // 2 % 2 * 120 - 60)[None, :, :, None]
    labels = np.arange(num) % 2
    for clip, (down, across), label in zip(crops, places, labels, strict=True):
        if label:
            spot = clip[:, down : down + SPOT_PX, across : across + SPOT_PX]
            spot[:] = np.clip(spot.astype(int) + checks, 0, 255)
    return crops, places, labels


def learn(*, steps, seed=0, **architecture):
    """A network that has learned to see the grid; patches are cut where it is still told from where."""
    torch.manual_seed(seed)
    small = {"hidden": 32, "layers": 1, "num_selected": 2, "attention_hidden": 32, "layer_norm": True}
    network = GSGModel(GSGConfig(backbone="tiny", local_from="layer3", **small, **architecture)).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(steps):
        crops, _, labels = planted(8, seed=step)
        output = network(torch.tensor(crops).permute(0, 1, 4, 2, 3).float() / 255)
        target = torch.tensor(labels)
        loss = F.cross_entropy(output.global_logits, target) + F.cross_entropy(output.fusion_logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def trained():
    return learn(steps=STEPS, aggregation="st_softmax")


def share_within(maps, places, *, margin_px):
    """Which share of each clip's mass lies within so many pixels of its spot."""
    shares = []
    for clip, (down, across) in zip(maps, places, strict=True):
        rows = slice(max(0, down - margin_px), down + SPOT_PX + margin_px)
        columns = slice(max(0, across - margin_px), across + SPOT_PX + margin_px)
        shares.append(clip[:, rows, columns].sum() / max(clip.sum(), 1e-9))
    return np.array(shares)


def test_the_mass_of_both_streams_maps_lies_where_the_artefact_was_planted(trained):
    crops, places, labels = planted(32, seed=1000)
    explained = explain_clips(trained, crops)
    is_fake = labels == 1
    told = explained.scores.fusion_margins[is_fake].min() > explained.scores.fusion_margins[~is_fake].max()
    assert told, "the network has not learned the grid"
    # The spot is 1/16 of the crop; with a cell of the map around it, at most 1/4 (local) and 9/16 (global).
    local = share_within(explained.local_maps[is_fake], places[is_fake], margin_px=16)
    in_global = share_within(explained.global_maps[is_fake], places[is_fake], margin_px=32)
    assert local.mean() > 0.9
    assert in_global.mean() > 0.9


def hits_of(config, patches, places, labels):
    """Whether the patch that is chosen first touches the artefact, in each frame of each fake."""
    boxes = patch_boxes_px(config.grid, size_px=SIZE_PX, stride_px=STRIDE_PX[config.local_from])
    for clip in np.flatnonzero(labels):
        down, across = places[clip]
        for frame in range(FRAMES):
            x0, y0, x1, y1 = boxes[patches[clip, frame, 0]]
            yield x0 < across + SPOT_PX and across < x1 and y0 < down + SPOT_PX and down < y1


def test_the_patch_that_is_chosen_first_lies_on_the_artefact(trained):
    crops, places, labels = planted(32, seed=1001)
    explained = explain_clips(trained, crops)
    assert np.mean([*hits_of(trained.config, explained.scores.patches, places, labels)]) > 0.9


def test_the_scores_are_those_of_a_scan():
    network, crops = make_network(), draw_crops(3)
    explained, scored = explain_clips(network, crops), score_clips(network, crops, device="cpu")
    np.testing.assert_allclose(explained.scores.fusion_margins, scored.fusion_margins, atol=1e-5)
    np.testing.assert_array_equal(explained.scores.patches, scored.patches)
    for maps in (explained.global_maps, explained.local_maps):
        assert maps.shape == (3, FRAMES, SIZE_PX, SIZE_PX)
        assert maps.min() >= 0
        assert maps.max() <= 1


@pytest.mark.parametrize(("streams", "empty"), [("global", "local_maps"), ("local", "global_maps")])
def test_a_stream_that_is_not_there_has_an_empty_map(streams, empty):
    network = GSGModel(GSGConfig(backbone="tiny", hidden=16, layers=1, num_selected=2, streams=streams)).eval()
    explained = explain_clips(network, draw_crops(1))
    assert {name: not getattr(explained, name).any() for name in ("global_maps", "local_maps")}[empty]


def test_patches_of_pixels_leave_the_map_of_whole_frames():
    config = GSGConfig(backbone="tiny", hidden=16, layers=1, num_selected=2, local_source="rgb", rgb_patch_px=32)
    explained = explain_clips(GSGModel(config).eval(), draw_crops(1))
    assert explained.global_maps.shape == (1, FRAMES, SIZE_PX, SIZE_PX)


def test_of_a_plain_sum_the_map_is_what_was_summed():
    features = torch.zeros(1, 2, 4, 4)
    features[0, 0, 1, 2], features[0, 1, 3, 3] = 2.0, 5.0
    features.requires_grad_()
    # The second channel speaks for real.
    found = cam(features, features[:, 0].sum() - features[:, 1].sum(), num_frames=1, size_px=4)
    expected = torch.zeros(1, 4, 4)
    expected[0, 1, 2] = 1.0
    torch.testing.assert_close(found, expected)


def test_where_nothing_speaks_for_fake_the_map_is_empty():
    features = torch.ones(1, 1, 2, 2, requires_grad=True)
    assert not cam(features, -features.sum(), num_frames=1, size_px=8).any()


def test_frames_that_share_a_map_have_the_same():
    features = torch.zeros(2, 1, 2, 2)
    features[0, 0, 0, 0], features[1, 0, 1, 1] = 1.0, 0.5
    features.requires_grad_()
    found = cam(features, features.sum(), num_frames=5, size_px=2)
    assert found[:, 0, 0].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert found[:, 1, 1].tolist() == [0.0, 0.0, 0.0, 0.5, 0.5]
