"""Pictures that scans kept beside the table: one a video, of the clip that spoke most for fake."""

from collections.abc import Mapping, Sequence
from typing import Any

from gsgmodel.errors import ConfigError
from gsgmodel.report.page import picture_uri
from gsgmodel.report.pictures import blurred
from gsgmodel.report.strips import FOLDER, as_jpeg, crops_of_strip, kept_name, strip
from gsgmodel.results.places import Place
from gsgmodel.results.storage import reading_errors


def kept_part(
    output: Place, video_id: bytes, faces: Sequence[Mapping[str, Any]], *, show_faces: bool
) -> dict[str, Any] | None:
    """The picture of a video as a part of a page, as ``explanation.clip_parts`` has them.

    Args:
        output: Of the scan.
        video_id: Of the video.
        faces: As its row has them; at least one clip.
        show_faces: Whether faces can be told.

    Returns:
        The part; None if nothing was kept, or it cannot be read any more.
    """
    try:
        with reading_errors(output.uri):
            content = (output / FOLDER).read(kept_name(video_id))
        crops = crops_of_strip(content) if content else None
    except (ConfigError, ValueError):
        return None
    if crops is None:
        return None
    face, clip = max(
        ((face, clip) for face in faces for clip in face["clips"]), key=lambda each: float(each[1]["score"])
    )
    picture = strip(crops if show_faces else blurred(crops), side_px=crops.shape[1])
    scores = [frame["score"] for frame in clip["frames"]]
    return {
        "track_id": face["track_id"],
        "start_s": clip["start_s"],
        "end_s": clip["end_s"],
        "score": clip["score"],
        "num_frames": len(crops),
        "frames": " ".join("-" if score is None else f"{score:.2f}" for score in scores),
        "strips": [
            {
                "text": "as the scan kept it",
                "uri": picture_uri(as_jpeg(picture)),
                "width": picture.width,
                "height": picture.height,
            }
        ],
    }
