"""Made videos whose pixels say which frame they are, and decoding everything in order to compare with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter

from gsgmodel.video.write import Encoding, write_video

NUM_BITS = 8
CELL_PX = 12


def numbered_pictures(num: int, *, height: int = 96, width: int = 128) -> Iterator[np.ndarray]:
    """Moving texture, with the frame's number as a row of black and white cells."""
    y, x = np.mgrid[:height, :width]
    grain = np.random.default_rng(0).integers(0, 60, (height, 4 * width)).astype(np.uint8)
    for i in range(num):
        picture = (np.stack([x * 2 + i * 3, y * 2 + i * 2, x + y + i], axis=-1) % 256 // 2).astype(np.uint8)
        picture[..., 1] += grain[:, (2 * i) % width : (2 * i) % width + width]
        for bit in range(NUM_BITS):
            picture[8:24, 4 + bit * CELL_PX : 14 + bit * CELL_PX] = 255 * (i >> bit & 1)
        yield picture


def read_number(picture: np.ndarray) -> int:
    """The number of a frame made by ``numbered_pictures``, after any lossy codec."""
    cells = (picture[12:20, 7 + bit * CELL_PX : 11 + bit * CELL_PX] for bit in range(NUM_BITS))
    return sum(int(cell.mean() > 128) << bit for bit, cell in enumerate(cells))


def decode_everything(path: Path, *, stream: int = 0) -> list[np.ndarray]:
    """Every frame in order by the plainest loop there is; sees no rotation and no pixel shape."""
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    reformatter = VideoReformatter()
    with av.open(str(path)) as container:
        track = container.streams.video[stream]
        track.codec_context.thread_type = "NONE"
        return [
            reformatter.reformat(frame, format="rgb24", interpolation=flags, threads=1).to_ndarray().copy()
            for frame in container.decode(track)
        ]


@pytest.fixture(scope="session")
def make_video(tmp_path_factory) -> Callable[..., Path]:
    """Returns the path of a made video; the same request is written only once."""
    folder = tmp_path_factory.mktemp("made")
    made: dict[str, Path] = {}

    def make(name: str, *, num: int = 60, fps: int = 25, time_s=None, height=96, width=128, **encoding) -> Path:
        key = repr((name, num, fps, time_s, height, width, sorted(encoding.items(), key=str)))
        if key not in made:
            path = folder / str(len(made)) / name
            path.parent.mkdir()
            pictures = numbered_pictures(num, height=height, width=width)
            write_video(path, pictures, fps=fps, encoding=Encoding(**encoding), time_s=time_s)
            made[key] = path
        return made[key]

    return make


@pytest.fixture(scope="session", name="read_number")
def _read_number() -> Callable[[np.ndarray], int]:
    return read_number


@pytest.fixture(scope="session", name="decode_everything")
def _decode_everything() -> Callable[..., list[np.ndarray]]:
    return decode_everything


@pytest.fixture(scope="session", name="numbered_pictures")
def _numbered_pictures() -> Callable[..., Iterator[np.ndarray]]:
    return numbered_pictures
