"""Files that mean harm: playlists that name other files, bombs, streams without end, damage, and what is no file."""

import io
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".ts", ".flv", ".gif", ".mpg", ".ogv", ".m4v")


def playlists(target_path: Path, target_url: str) -> dict[str, str]:
    """Texts that make a player open another file or address, by what they are."""
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{target_url}/k"'
    hls = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{}\n#EXT-X-ENDLIST\n"
    return {
        "hls_file": hls.format(target_path.as_uri()),
        "hls_path": hls.format(target_path),
        "hls_url": hls.format(target_url + "/segment.ts"),
        "hls_key": hls.replace("#EXTINF", f"{key}\n#EXTINF").format("a.ts"),
        "concat_path": f"ffconcat version 1.0\nfile '{target_path}'\n",
        "concat_url": f"ffconcat version 1.0\nfile '{target_url}/a.mp4'\n",
        "concat_option": f"ffconcat version 1.0\nfile '{target_path}'\noption protocol_whitelist file,http,tcp\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video {target_url.rpartition(':')[2]} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        f"<Representation><BaseURL>{target_url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "smil": f'<smil><body><video src="{target_url}/a.mp4"/></body></smil>',
        "asx": f'<asx version="3.0"><entry><ref href="{target_url}/a.mp4"/></entry></asx>',
        "imf": f'<?xml version="1.0"?><CompositionPlaylist xmlns="x"><Id>{target_url}</Id></CompositionPlaylist>',
        "avs": f'AviSource("{target_path}")\n',
        "m3u": f"{target_url}/a.mp4\n{target_path}\n",
    }


def write_playlists(folder: Path, *, target_path: Path, target_url: str) -> list[Path]:
    """Write every playlist under every suffix."""
    texts = playlists(target_path, target_url)
    paths = []
    for kind, text in texts.items():
        for suffix in SUFFIXES:
            paths.append(folder / f"{kind}{suffix}")
            paths[-1].write_text(text)
    return paths


def write_odd_files(folder: Path) -> list[Path]:
    """Write what is no file, or none that holds a video; only regular files are returned."""
    (folder / "directory.mp4").mkdir()
    os.mkfifo(folder / "pipe.mp4")
    (folder / "loop_a.mp4").symlink_to(folder / "loop_b.mp4")
    (folder / "loop_b.mp4").symlink_to(folder / "loop_a.mp4")
    (folder / "nowhere.mp4").symlink_to(folder / "nothing")
    (folder / "device.mp4").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.mp4"))
    (folder / "empty.mp4").touch()
    (folder / "one.mp4").write_bytes(b"\0")
    (folder / "zeros.mp4").write_bytes(bytes(100_000))
    (folder / "text.mp4").write_text("this is no video\n" * 500)
    with (folder / "sparse.mp4").open("wb") as file:
        file.truncate(20 << 30)
    return [folder / name for name in ("empty.mp4", "one.mp4", "zeros.mp4", "text.mp4", "sparse.mp4")]


def write_bombs(folder: Path) -> list[Path]:
    """Write small files that ask for much."""
    boxes = {
        "box_of_exabytes.mp4": struct.pack(">I4sQ", 1, b"moov", 1 << 62) + bytes(64),
        "boxes_within_boxes.mp4": b"".join(struct.pack(">I4s", 1 << 20, b"moov") for _ in range(4000)),
        "matroska_of_exabytes.mkv": b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe" + bytes(1000),
        "gif_of_4_gigapixels.gif": b"GIF89a\xff\xff\xff\xff\x80\0\0"
        + bytes(6)
        + b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02L\x01\0;",
    }
    for name, content in boxes.items():
        (folder / name).write_bytes(content)
    wide = folder / "pixels_8000x8000.mp4"
    write_grey(wide, side_px=8000, num=2)
    return [*(folder / name for name in boxes), wide]


def write_grey(path: Path, *, side_px: int, num: int) -> None:
    """Write a few grey frames, which take next to nothing."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = side_px
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(side_px, side_px, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([90]) * plane.buffer_size)
        for index in range(num):
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def standing_still(data: bytes, *, times: int) -> bytes:
    """Packets of MPEG-TS over and over: a stream whose time does not advance."""
    return data * times


def truncated(data: bytes, *, num: int) -> Iterator[bytes]:
    """The start of a file, cut at offsets all over it."""
    for cut in np.linspace(1, len(data) - 1, num).astype(int).tolist():
        yield data[:cut]


def flipped(data: bytes, *, num: int, seed: int) -> Iterator[bytes]:
    """A file with one or a few bits flipped, most of them where its structure is."""
    rng = np.random.default_rng(seed)
    for _ in range(num):
        changed = bytearray(data)
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(len(data)) if rng.random() < 0.5 else min(rng.exponential(400), len(data) - 1))
            changed[-at - 1 if rng.random() < 0.3 else at] ^= 1 << int(rng.integers(8))
        yield bytes(changed)


def packed_ts(frames: int = 10) -> bytes:
    """A tiny MPEG-TS file."""
    made = io.BytesIO()
    with av.open(made, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * index, np.uint8))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return made.getvalue()
