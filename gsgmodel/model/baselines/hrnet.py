"""HRNet: branches at four resolutions that exchange what they see, all kept to the end; for Face X-ray.

Source: Wang et al., "Deep High-Resolution Representation Learning for Visual Recognition", PAMI 2020, section 3.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_STEM, _FIRST, _EXPANSION = 64, 256, 4
_MODULES = (1, 4, 3)
"""Of the stages with two, three and four branches."""
_BLOCKS = 4


class HRNet(nn.Module):
    """HRNetV2 without a head: maps of all four branches at a quarter of the picture's side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv(3, _STEM, stride=2), *_conv(_STEM, _STEM, stride=2))
        blocks = [Bottle(_STEM), *(Bottle(_FIRST) for _ in range(_BLOCKS - 1))]
        self.first = nn.Sequential(*blocks)
        self.transitions, self.stages = nn.ModuleList(), nn.ModuleList()
        before = [_FIRST]
        for number, modules in enumerate(_MODULES, 2):
            widths = [width * 2**branch for branch in range(number)]
            self.transitions.append(Transition(before, widths))
            self.stages.append(nn.Sequential(*(Exchange(widths) for _ in range(modules))))
            before = widths
        self.width = sum(before)

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> Float[Tensor, "F C h w"]:
        """Feature maps of normalised pictures."""
        branches = [self.first(self.stem(pictures))]
        for transition, stage in zip(self.transitions, self.stages, strict=True):
            branches = stage(transition(branches))
        size = branches[0].shape[-2:]
        return torch.cat([branches[0], *(_sized(each, size) for each in branches[1:])], dim=1)


class Bottle(nn.Module):
    """Three convolutions with a way around them, to 256 channels."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        inner = _FIRST // _EXPANSION
        self.rep = nn.Sequential(
            *_conv(inputs, inner, kernel=1), *_conv(inner, inner), *_conv(inner, _FIRST, kernel=1)[:2]
        )
        self.skip: nn.Module = nn.Identity()
        if inputs != _FIRST:
            self.skip = nn.Sequential(*_conv(inputs, _FIRST, kernel=1)[:2])

    def forward(self, maps: Float[Tensor, "F C h w"]) -> Float[Tensor, "F D h w"]:
        """Maps of the same size."""
        return F.relu(self.rep(maps) + self.skip(maps))


class Basic(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rep = nn.Sequential(*_conv(channels, channels), *_conv(channels, channels)[:2])

    def forward(self, maps: Float[Tensor, "F C h w"]) -> Float[Tensor, "F C h w"]:
        """Maps of the same shape."""
        return F.relu(self.rep(maps) + maps)


class Transition(nn.Module):
    """From the branches of one stage to those of the next, which has a smaller one more."""

    def __init__(self, before: Sequence[int], after: Sequence[int]) -> None:
        super().__init__()
        self.changes = nn.ModuleList(
            nn.Identity() if inputs == outputs else nn.Sequential(*_conv(inputs, outputs))
            for inputs, outputs in zip(before, after, strict=False)
        )
        self.smaller = nn.Sequential(*_conv(before[-1], after[-1], stride=2))

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Maps of each branch."""
        kept = [change(maps) for change, maps in zip(self.changes, branches, strict=True)]
        return [*kept, self.smaller(branches[-1])]


class Exchange(nn.Module):
    """Four blocks on each branch, and then each branch becomes the sum of all."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(Basic(width) for _ in range(_BLOCKS))) for width in widths)
        self.ways = nn.ModuleList(
            nn.ModuleList(_way(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Maps of each branch, of the same shapes."""
        seen = [branch(maps) for branch, maps in zip(self.branches, branches, strict=True)]
        joined = []
        for target, ways in enumerate(self.ways):
            assert isinstance(ways, nn.ModuleList)
            size = seen[target].shape[-2:]
            parts = [_sized(way(maps), size) for way, maps in zip(ways, seen, strict=True)]
            joined.append(F.relu(torch.stack(parts).sum(dim=0)))
        return joined


def _way(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """From one branch to the size and channels of another; enlarging is left to the sum."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(*_conv(widths[source], widths[target], kernel=1)[:2])
    steps: list[nn.Module] = []
    for _ in range(target - source - 1):
        steps += _conv(widths[source], widths[source], stride=2)
    return nn.Sequential(*steps, *_conv(widths[source], widths[target], stride=2)[:2])


def _conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


def _sized(maps: Tensor, size: torch.Size) -> Tensor:
    return maps if maps.shape[-2:] == size else F.interpolate(maps, size=size, mode="bilinear")
