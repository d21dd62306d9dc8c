"""Outputs of networks with one stream."""

import torch

from gsgmodel.model.output import one_stream


def test_one_stream_fills_both_and_selects_nothing():
    clips, frames = torch.randn(2, 2), torch.randn(2, 3, 2)
    output = one_stream(clips, frames)
    assert output.global_logits is output.fusion_logits is clips
    assert output.global_frame_logits is output.fusion_frame_logits is frames
    assert output.attention.shape == output.patches.shape == (2, 3, 0)
    assert output.patches.dtype == torch.int64


def test_outputs_of_batches_join():
    parts = [one_stream(torch.randn(1, 2), torch.randn(1, 3, 2)) for _ in range(2)]
    joined = [torch.cat(each) for each in zip(*parts, strict=True)]
    assert [len(each) for each in joined] == [2] * 6
