"""Labelled videos made of real footage: what was filmed, and the same with its largest face forged.

Both go the same way: the same decoded frames, the same size, the same encoder, files equally large; only the pixels of
the face differ. Accuracy on such forgeries says nothing about forgeries in the world.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image

from gsgmodel.archive.reading import ObjectReader, open_object
from gsgmodel.datasets.forge_kinds import KINDS, Kind, draw_light, forge_kind, lit
from gsgmodel.datasets.forge_methods import METHODS, REGION_SCALE, Method, draw_parameters, forge_face
from gsgmodel.datasets.published import write_whole
from gsgmodel.errors import ConfigError
from gsgmodel.faces.clips import Finder
from gsgmodel.faces.tracks import complete, is_believed, link_frames
from gsgmodel.records import VideoRef
from gsgmodel.video.reader import FrameWindow, open_video
from gsgmodel.video.write import Encoding, write_alike, write_video

FPS = 12
"""Of what is made; frames are sampled evenly, so that every source has the same rate."""
CRF = (20, 30)
"""Quality of the encoder, drawn for each piece of footage; what is forged gets the one that makes it as large."""
MANIFEST = "manifest.csv"
AnyMethod = Method | Kind
ALL_METHODS: tuple[AnyMethod, ...] = (*METHODS, *KINDS)
MIN_FACE_PX = 40
"""Smaller faces are not forged: little of it would be seen."""
MOST_WINDOWS = 256
MIN_SECONDS, MAX_SECONDS, MIN_SIDE_PX = 0.5, 10.0, 128
DONORS, DONOR_FACES = 12, 12
"""Faces that are held of a split for swaps, and frames of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A few seconds of footage with the face that is forged."""

    name: str
    identity: str
    split: str
    frames: list[UInt8[np.ndarray, "H W 3"]]
    boxes_px: Float64[np.ndarray, "T 4"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How footage is cut.

    Raises:
        ConfigError: A value is out of range.
    """

    seconds: float = 4.0
    """Length of a piece, at most."""
    segments: int = 2
    """Most pieces of a video, evenly spread."""
    long_side_px: int = 480
    """Longer side of the frames that are made, at most."""

    def __post_init__(self) -> None:
        if not MIN_SECONDS <= self.seconds <= MAX_SECONDS:
            raise ConfigError(f"--seconds is {self.seconds}; accepted: {MIN_SECONDS} to {MAX_SECONDS}")
        if self.segments < 1:
            raise ConfigError(f"--segments is {self.segments}; accepted: 1 or more")
        if self.long_side_px < MIN_SIDE_PX:
            raise ConfigError(f"--long-side-px is {self.long_side_px}; accepted: {MIN_SIDE_PX} or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Donor:
    """A face that others may get."""

    identity: str
    faces: list[UInt8[np.ndarray, "_ _ 3"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedVideo:
    """One video and what is known of it, as in the manifest."""

    path: str
    """Relative to the manifest."""
    label: int
    method: str
    identity: str
    source_identity: str
    """Whose face was laid over; empty but for a swap."""
    split: str
    original: str
    """Of a fake, the path of the same piece as it was filmed."""


def cut_pieces(ref: VideoRef, *, detector: Finder, identity: str, split: str, cut: Cut) -> Iterator[Piece]:
    """Yield pieces of a video that show a face, evenly spread; what cannot be read raises a ``VideoError``.

    Args:
        ref: The video.
        detector: Finds the faces.
        identity: Who is filmed.
        split: Of the pieces.
        cut: How it is cut.
    """
    num_frames = max(1, round(cut.seconds * FPS))
    opened: Callable[[], ObjectReader] = partial(open_object, ref)
    with (
        opened() as source,
        open_video(
            cast("BinaryIO", source), frames_per_clip=num_frames, window_s=cut.seconds, max_clips=MOST_WINDOWS
        ) as reader,
    ):
        num = len(reader.windows)
        wanted = {int((segment + 0.5) * num / min(cut.segments, num)) for segment in range(min(cut.segments, num))}
        for index, window in enumerate(reader.read()):
            found = _piece(window, detector, long_side_px=cut.long_side_px) if index in wanted else None
            if found is not None:
                # Files of one name in several folders, or with other suffixes, are other videos.
                stem = f"{Path(unquote(ref.uri)).stem}_{ref.video_id.hex()[:6]}".replace("/", "_")
                yield Piece(
                    name=f"{stem}_{index:03}", identity=identity, split=split, frames=found[0], boxes_px=found[1]
                )
            if index >= max(wanted):
                return


def forge_pieces(
    pieces: Iterable[Piece],
    folder: Path,
    *,
    methods: Sequence[AnyMethod] = METHODS,
    fakes_per_real: int = 1,
    seed: int = 0,
) -> Iterator[ForgedVideo]:
    """Write each piece as it is and forged, one after the other; the last thing written is ``manifest.csv``.

    Args:
        pieces: One at a time is held, and some faces of those before it. A swap takes the face of another person of the
            same split that came before; where there is none, the piece is blended with itself.
        folder: Is there; files of the same names are replaced.
        methods: What is done, in turn.
        fakes_per_real: Forged versions of each piece.
        seed: The same seed gives the same frames.

    Yields:
        The videos as they are written.
    """
    # Where light changes no frame is predicted from another: else the bits that it costs would lack in every frame.
    gop = 1 if set(methods) & set(KINDS) else Encoding().gop
    donors: dict[str, list[_Donor]] = {}
    made: list[ForgedVideo] = []
    # Encoding is most of the work, and leaves other threads free.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for number, piece in enumerate(pieces):
            rng = np.random.default_rng([seed, number])
            shown = _shown(piece, methods, rng)
            encoding = Encoding(crf=round(rng.uniform(*CRF), 2), gop=gop, options={"preset": "veryfast"})
            real = f"{piece.name}_real.mp4"
            _write(folder / real, shown.frames, encoding)
            made.append(_described(piece, real, method="original", original=""))
            known = donors.setdefault(piece.split, [])
            written = []
            for turn in range(fakes_per_real):
                method = methods[(number * fakes_per_real + turn) % len(methods)]
                others = [donor for donor in known if donor.identity != piece.identity]
                if method == "swap" and not others:
                    method = "self_blend"
                donor = others[int(rng.integers(len(others)))] if method == "swap" else None
                name = f"{piece.name}_{method}_{turn}.mp4"
                filmed = piece if method == "drift" else shown
                forged = list(forged_frames(filmed, method, rng=rng, faces=donor.faces if donor else None))
                written.append(pool.submit(_write, folder / name, forged, encoding, like=folder / real))
                made.append(
                    _described(
                        piece, name, method=method, original=real, source_identity=donor.identity if donor else ""
                    )
                )
            known.append(_Donor(identity=piece.identity, faces=[_face_of(piece, i) for i in range(DONOR_FACES)]))
            del known[:-DONORS]
            for each in written:
                each.result()
            yield from made[-1 - fakes_per_real :]
    if made:
        columns = [field.name for field in fields(ForgedVideo)]
        write_whole(folder / MANIFEST, columns, (asdict(video) for video in made))


def _shown(piece: Piece, methods: Sequence[AnyMethod], rng: np.random.Generator) -> Piece:
    """A piece as its real video shows it: beside drifting light its face is lighter or darker too, or frames tell."""
    if not set(methods) & set(KINDS):
        return piece
    gains = draw_light(rng, num_frames=len(piece.frames))
    return replace(piece, frames=list(lit(piece.frames, piece.boxes_px, gains)))


def forged_frames(
    piece: Piece,
    method: AnyMethod,
    *,
    rng: np.random.Generator,
    faces: Sequence[UInt8[np.ndarray, "_ _ 3"]] | None = None,
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the frames of a piece with its face forged.

    Args:
        piece: As it was filmed.
        method: How.
        rng: Where the randomness comes from.
        faces: Of a swap, the other face in some frames, taken in turn, forth and back.
    """
    if method in KINDS:
        yield from forge_kind(piece.frames, piece.boxes_px, method, seed=int(rng.integers(2**63)))
        return
    parameters = draw_parameters(cast("Method", method), rng)
    for index, (frame, box) in enumerate(zip(piece.frames, piece.boxes_px, strict=True)):
        face = None if faces is None else faces[_forth_and_back(index, len(faces))]
        yield forge_face(frame, box, parameters, tremble=rng.standard_normal(6), other=face)


def _forth_and_back(index: int, length: int) -> int:
    """0, 1, ... length - 1, ... 1, 0, 1 ..., so that no face jumps."""
    place = index % max(1, 2 * length - 2)
    return place if place < length else 2 * length - 2 - place


def _face_of(piece: Piece, index: int) -> UInt8[np.ndarray, "S S 3"]:
    """The square around a face; beyond the frame's edge its last pixels go on."""
    place = index % len(piece.frames)
    frame, box = piece.frames[place], piece.boxes_px[place]
    height, width = frame.shape[:2]
    half = max(2, round(REGION_SCALE * float(max(box[2] - box[0], box[3] - box[1])) / 2))
    x, y = (round(value) for value in ((box[:2] + box[2:]) / 2).tolist())
    rows = np.clip(np.arange(y - half, y + half), 0, height - 1)
    columns = np.clip(np.arange(x - half, x + half), 0, width - 1)
    face: UInt8[np.ndarray, "S S 3"] = frame[rows][:, columns]
    return face


def _piece(
    window: FrameWindow, detector: Finder, *, long_side_px: int
) -> tuple[list[UInt8[np.ndarray, "H W 3"]], Float64[np.ndarray, "T 4"]] | None:
    """A window's frames, made smaller, and its largest face in each; None where there is no face large enough."""
    distinct = [_resized(frame, long_side_px) for frame in window.frames]
    tracks = [
        track
        for track in link_frames(detector.detect(distinct))
        if is_believed(track.confidence, num_frames=len(distinct))
    ]
    if not tracks:
        return None
    largest = max(tracks, key=lambda track: track.weight_px2)
    boxes = complete(largest, num_frames=len(distinct)).boxes_px.astype(np.float64)
    if (boxes[:, 2:] - boxes[:, :2]).max(axis=1).min() < MIN_FACE_PX:
        return None
    return [distinct[place] for place in window.positions], boxes[list(window.positions)]


def _resized(frame: UInt8[np.ndarray, "H W 3"], long_side_px: int) -> UInt8[np.ndarray, "h w 3"]:
    """A frame no longer than wished, with even sides as the encoder needs them."""
    height, width = frame.shape[:2]
    scale = min(1.0, long_side_px / max(height, width))
    size = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    return np.array(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR))


def _write(
    path: Path, frames: Sequence[UInt8[np.ndarray, "H W 3"]], encoding: Encoding, *, like: Path | None = None
) -> None:
    partial_path = path.with_name(f".partial-{path.name}")
    if like:
        write_alike(partial_path, frames, fps=FPS, encoding=encoding, size_bytes=like.stat().st_size)
    else:
        write_video(partial_path, frames, fps=FPS, encoding=encoding)
    partial_path.replace(path)


def _described(piece: Piece, name: str, *, method: str, original: str, source_identity: str = "") -> ForgedVideo:
    return ForgedVideo(
        path=name,
        label=0 if method == "original" else 1,
        method=method,
        identity=piece.identity,
        source_identity=source_identity,
        split=piece.split,
        original=original,
    )
