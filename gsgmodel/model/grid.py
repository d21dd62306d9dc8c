"""Where patches lie: windows of 2x2 cells on a feature map, and on the crop. Plain Python, so reports need no torch."""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int64

Grid = Literal["spread", "pad_rb", "pad1", "stride1", "stride2"]
PATCH_CELLS = 2
"""Side of a patch in cells of the feature map (section 3.1 of the paper)."""


def patch_starts(grid: Grid, cells: int) -> tuple[int, ...]:
    """First cell of each window along one side of a square feature map.

    The paper splits a 7x7 map into 16 patches of 2x2, which no plain stride does. The grids:

    - ``spread``: as few windows as cover every cell, evenly spread, none over the edge (7 cells: 0, 2, 3, 5).
    - ``pad_rb``: stride 2, the last window reaching over the right and bottom edge (0, 2, 4, 6).
    - ``pad1``: stride 2 with one cell of padding all around (-1, 1, 3, 5).
    - ``stride1``: every position. ``stride2``: every second one, an odd last cell is lost.

    Args:
        grid: Name of the grid.
        cells: Side of the feature map, at least 2.

    Returns:
        Starts in ascending order; a start of -1 or of ``cells - 1`` reaches one cell over the edge.

    Raises:
        ValueError: The map is smaller than a patch or there is no such grid.
    """
    if cells < PATCH_CELLS:
        raise ValueError(f"a feature map of {cells} cells is smaller than a patch of {PATCH_CELLS}")
    last = cells - PATCH_CELLS
    starts: dict[str, Callable[[], tuple[int, ...]]] = {
        "spread": lambda: _spread(last, (cells + 1) // 2),
        "pad_rb": lambda: tuple(range(0, cells, 2)),
        "pad1": lambda: tuple(range(-1, cells, 2)),
        "stride1": lambda: tuple(range(last + 1)),
        "stride2": lambda: tuple(range(0, last + 1, 2)),
    }
    if grid not in starts:
        raise ValueError(f"no grid {grid!r}; there are {', '.join(get_args(Grid))}")
    return starts[grid]()


def num_patches(grid: Grid, cells: int) -> int:
    """Patches on a square feature map of ``cells`` x ``cells``; for 7 and ``spread``, 16."""
    return len(patch_starts(grid, cells)) ** 2


def patch_boxes_px(grid: Grid, *, size_px: int, stride_px: int = 32) -> Int64[np.ndarray, "P 4"]:
    """The windows of the crop that lie under each patch.

    The network's receptive field is far wider than these windows; they say where a patch lies, not all that it saw.

    Args:
        grid: Name of the grid.
        size_px: Side of the crop.
        stride_px: Pixels of the crop a cell of the feature map stands for: 32 for ``layer4``, 16, 8.

    Returns:
        ``x0 y0 x1 y1``, half-open, cut at the crop's edge, in the order of the patch indices (row by row).
    """
    cells = -(-size_px // stride_px)
    starts = np.asarray(patch_starts(grid, cells), dtype=np.int64) * stride_px
    ends = starts + PATCH_CELLS * stride_px
    count = len(starts)
    rows, columns = np.divmod(np.arange(count * count), count)
    boxes = np.stack([starts[columns], starts[rows], ends[columns], ends[rows]], axis=1)
    return np.clip(boxes, 0, size_px)


def _spread(last: int, count: int) -> tuple[int, ...]:
    if count == 1:
        return (0,)
    return tuple((2 * step * last + count - 1) // (2 * (count - 1)) for step in range(count))
