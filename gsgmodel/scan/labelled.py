"""Labelled videos on the driver: what is listed meets what is said of it, and what the store says of it already."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from gsgmodel.archive.candidates import LeftOut, reference
from gsgmodel.archive.conditions import parse_filters
from gsgmodel.archive.identity import is_s3, local_path
from gsgmodel.archive.listing import LOOK_UPS
from gsgmodel.archive.local import named_file
from gsgmodel.archive.objects import named_object
from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.records import VideoRef
from gsgmodel.scan.plan import PLAN_SCHEMA, PlanKind

UNLABELLED = "unlabelled"
"""Reason for leaving out a video of which no label is known."""
_REF = pa.struct([(column.name, column.type) for column in PLAN_SCHEMA])
LABELLED_SCHEMA = pa.schema([*PLAN_SCHEMA, pa.field("original", _REF), pa.field("mask", _REF)])
"""A planned row with the videos that it is made with, where there are any."""
ALREADY = "already prepared"
"""Reason for leaving out a video that the store holds with the same originals and masks."""
TO_PREPARE = PlanKind(schema=LABELLED_SCHEMA, done=ALREADY)
MADE_OF = ("original_id", "mask_id")
"""Columns of the index that crops depend on."""
LABELS = ("label", "method", "identity", "source_identity", "split", "original_uri", "mask_uri")
"""Columns of the index that only say something of the video."""
_LISTED_AHEAD = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRef(VideoRef):
    """A listed video with the videos that it is made with, as rows of the plan have them."""

    original: dict[str, Any] | None
    mask: dict[str, Any] | None


@dataclass(kw_only=True)
class Labelled:
    """What is known of the videos of a run."""

    videos: Mapping[str, LabelledVideo]
    """By uri, each with its split."""
    with_originals: bool
    """Whether fakes are cropped where their originals are."""
    s3_endpoint: str | None
    held: Mapping[bytes, Mapping[str, Any]] = field(default_factory=dict)
    """By video id, the columns ``MADE_OF`` and ``LABELS`` of what the store holds."""
    stale: set[bytes] = field(default_factory=set)
    """Videos that the store holds with crops that were made with other originals or masks."""
    relabelled: dict[bytes, str] = field(default_factory=dict)
    """Uris of videos by id, of which the store holds the crops and says something else."""
    _refs: dict[str, VideoRef] = field(default_factory=dict)

    def attach(self, listed: Iterable[VideoRef | LeftOut]) -> Iterator[LabelledRef | LeftOut]:
        """Join a listing to the labels, look up originals and masks, and note what the store holds otherwise.

        Args:
            listed: The archive's listing.

        Yields:
            What is listed, in order. A video without a label is left out; one that was named and is not there was left
            out by the listing.
        """
        waiting = iter(listed)
        has_companions = any(self._companions(video) for video in self.videos.values())
        # Many are looked up at once, which takes a listing some way beyond what may be wanted of it.
        ahead = _LISTED_AHEAD if has_companions else 1
        with ThreadPoolExecutor(LOOK_UPS) as pool:
            while items := list(islice(waiting, ahead)):
                named = [self.videos[item.uri] for item in items if item.uri in self.videos]
                new = {uri for video in named for uri in self._companions(video).values()} - self._refs.keys()
                self._refs.update(zip(new, pool.map(self._look_up, new), strict=True))
                yield from map(self._attached, items)

    def facts(self, uri: str) -> dict[str, Any]:
        """Return the columns ``MADE_OF`` and ``LABELS`` of a video that was listed."""
        video = self.videos[uri]
        companions = self._companions(video)
        ids = {f"{name}_id": self._refs[companions[name]].video_id if name in companions else None
               for name in ("original", "mask")}  # fmt: skip
        return {name: getattr(video, name) for name in LABELS} | ids

    def _attached(self, item: VideoRef | LeftOut) -> LabelledRef | LeftOut:
        if isinstance(item, LeftOut):
            return item
        video = self.videos.get(item.uri)
        if video is None:
            return LeftOut(uri=item.uri, size_bytes=item.size_bytes, reason=UNLABELLED, suffix="")
        self._compare(item)
        companions = {name: asdict(self._refs[uri]) for name, uri in self._companions(video).items()}
        return LabelledRef(**asdict(item), original=companions.get("original"), mask=companions.get("mask"))

    def _compare(self, ref: VideoRef) -> None:
        held = self.held.get(ref.video_id)
        if held is None:
            return
        facts = self.facts(ref.uri)
        if any(held[name] != facts[name] for name in MADE_OF):
            self.stale.add(ref.video_id)
        elif any(held[name] != facts[name] for name in LABELS):
            self.relabelled[ref.video_id] = ref.uri

    def _companions(self, video: LabelledVideo) -> dict[str, str]:
        """The uris of the videos that one is made with, by what they are to it."""
        wanted = {"original": video.original_uri if self.with_originals and video.label else None}
        return {name: uri for name, uri in (wanted | {"mask": video.mask_uri}).items() if uri}

    def _look_up(self, uri: str) -> VideoRef:
        """A companion as it is now; of one that is not there, what the prepare stage will not find either."""
        filters = parse_filters(())
        if is_s3(uri):
            found = named_object(uri, filters=filters, endpoint=self.s3_endpoint)
        else:
            found = named_file(local_path(uri), filters=filters)
        if isinstance(found, LeftOut):
            return reference(uri, etag="", size_bytes=0, last_modified_s=0.0)
        return found
