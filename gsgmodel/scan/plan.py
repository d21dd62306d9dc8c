"""What a run is held to: planned = committed + unfinished + left.

A plan holds references, never bytes, and lies in files (``gsgmodel.scan.parts``).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.errors import ConfigError, OutputError

PLAN_SCHEMA = pa.schema(
    [
        pa.field("video_id", pa.binary(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("last_modified_s", pa.float64(), nullable=False),
    ]
)
"""The row of a video that is still to be scored."""
MANY = 1_000_000
"""Taken to be still to come while the listing goes on."""
MAX_EXAMPLES = 20
DONE = "already scored"
"""Reason for leaving out a video that the table holds for this model and these settings."""


@dataclass(frozen=True, kw_only=True)
class PlanKind:
    """What the rows of a plan are."""

    schema: pa.Schema = PLAN_SCHEMA
    """That of ``PLAN_SCHEMA``, and what else the listed references say."""
    done: str = DONE
    """The reason for leaving out what the output holds."""


TO_SCORE = PlanKind()


@dataclass
class Plan:
    """What this run will score, and what it leaves out and why; grows until ``is_listed``."""

    path: Path
    """Folder of the planned rows (``gsgmodel.scan.parts``)."""
    done: str = DONE
    """The reason for leaving out what the output holds."""
    num_videos: int = 0
    num_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Files by the reason for leaving them out."""
    left_out_bytes: Counter[str] = field(default_factory=Counter)
    suffixes: Counter[str] = field(default_factory=Counter)
    """Files that do not look like a video, by suffix."""
    examples: list[LeftOut] = field(default_factory=list)
    is_listed: bool = False
    """Whether there will be no more."""
    failure: ConfigError | OutputError | None = None
    """What ended the listing before the archive did, or kept a part from being written."""

    @property
    def num_done(self) -> int:
        """Videos that the table holds already."""
        return self.left_out[self.done]

    @property
    def num_expected(self) -> int:
        """How many videos to make room for."""
        return self.num_videos if self.is_listed else self.num_videos + MANY

    def leave_out(self, item: LeftOut) -> None:
        """Count one file that is not planned."""
        self.left_out[item.reason] += 1
        self.left_out_bytes[item.reason] += item.size_bytes
        if item.suffix:
            self.suffixes[item.suffix] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(item)


def left_out_text(left_out: Mapping[str, int], suffixes: Mapping[str, int], *, done: str = DONE) -> str:
    """Return what was left out in words, by reason, what is done first, the commonest suffixes named."""
    named = ", ".join(f"{suffix} {count}" for suffix, count in Counter(suffixes).most_common(5))
    parts = [f"{reason} {count}" for reason, count in sorted(left_out.items(), key=lambda item: item[0] != done)]
    return ", ".join(parts) + (f" ({named})" if named else "")
