"""A video as benchmarks prepare it: one clip of the largest face, decoded in this process."""

from gsgmodel.archive.listing import list_archive
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.model.settings import PREPARATION
from gsgmodel.records import VideoRef
from gsgmodel.scoring.prepare import VideoPreparer
from gsgmodel.video.reader import open_video


def one_clip() -> VideoPreparer:
    """Prepares videos so."""
    return VideoPreparer(
        detector=FaceDetector.of(PREPARATION),
        preparation=PREPARATION,
        faces="largest",
        window_s=10.0,
        max_clips=1,
        opener=open_video,
    )


def listed(name: str, *, s3_endpoint: str | None = None) -> VideoRef:
    """A single video as a scan would list it."""
    return next(each for each in list_archive([name], s3_endpoint=s3_endpoint) if isinstance(each, VideoRef))
