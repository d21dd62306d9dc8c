"""Pictures through a lossy video codec and back, in memory: what compression does to them."""

from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt8


def round_trip_h264(
    frames: UInt8[np.ndarray, "T H W 3"], *, crf: int, preset: str = "ultrafast"
) -> UInt8[np.ndarray, "T H W 3"]:
    """Encode pictures as H.264 and decode them again, in one thread: the same pictures give the same result.

    Args:
        frames: RGB, of even height and width.
        crf: Constant quality, 0 (best) to 51.
        preset: Of x264.

    Returns:
        As many pictures, in order.

    Raises:
        ValueError: A side is odd, which halved chroma cannot be.
    """
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        raise ValueError(f"H.264 with halved chroma needs even sides, not {width}x{height}")
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"crf": str(crf), "preset": preset}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    packets = []
    for tick, picture in enumerate(frames):
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts = tick
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoded = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return np.stack([frame.to_ndarray(format="rgb24") for frame in decoded])
