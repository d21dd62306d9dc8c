"""Videos of the user's own that go through the same actors before all others and once more at the end.

What they scored the first time is kept beside the table, a file for each scoring. A score that moved since, by another
library, another preparation or a broken GPU, fails the run: at the start before anything is scored.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ray.data import Dataset

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.archive.listing import list_archive
from gsgmodel.errors import ConfigError, DriftError
from gsgmodel.records import VideoRef
from gsgmodel.results.places import Place
from gsgmodel.results.storage import output_errors, output_place
from gsgmodel.scan.commit import Committer, GateKeeper, commit_stream
from gsgmodel.scan.opening import Scan
from gsgmodel.scan.parts import end_parts, write_part
from gsgmodel.scan.passes import DYING_CLUSTER, blocks_of
from gsgmodel.scan.planner import refs_table
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.score import drift_now
from gsgmodel.scan.session import Session
from gsgmodel.scan.sinks import ListSink
from gsgmodel.scan.stop import StopRequest

MOST_VIDEOS = 100
"""They are scored twice by every run."""
TOLERANCE = 0.01
"""Scores that differ by no more agree (``gsgmodel.scoring.canary``)."""
FOLDER = "canary"
"""Of an output: what its canaries scored the first time."""


@dataclass(kw_only=True)
class CanaryVideos:
    """The videos of ``--canary``, and what is expected of them; none where it is not set."""

    refs: Sequence[VideoRef]
    scratch: Path
    """For their plans."""
    place: Place | None
    """Keeps what they scored; None where nothing is kept."""
    key: str
    """The scoring."""
    expected: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Uri, status and score by video id in hexadecimal digits."""
    num_judged: int = 0

    @classmethod
    def of(cls, scan: Scan) -> "CanaryVideos":
        """List the videos and read what is expected of them.

        Raises:
            ConfigError: If there is none, or there are too many.
        """
        named, endpoint = scan.settings.canary, scan.settings.s3_endpoint
        place = None
        if scan.run_folder and scan.settings.output is not None and named is not None:
            place = output_place(scan.settings.output, s3_endpoint=endpoint) / FOLDER
        canary = cls(refs=[], scratch=scan.plan_folder, place=place, key=scan.provenance.scoring_id)
        if named is None:
            return canary
        listed = list_archive([named], s3_endpoint=endpoint)
        refs = list(islice((item for item in listed if not isinstance(item, LeftOut)), MOST_VIDEOS + 1))
        if not 1 <= len(refs) <= MOST_VIDEOS:
            found = "more" if refs else "no video"
            raise ConfigError(f"--canary {named!r} holds {found}; accepted: 1 to {MOST_VIDEOS} videos")
        canary.refs = refs
        canary.expected = canary._kept()
        return canary

    def check(self, stream: Callable[[Path], Dataset], *, gate: GateKeeper, stop: StopRequest) -> None:
        """Score the videos before all others.

        Raises:
            DriftError: If a score moved since it was kept, or one cannot be had.
        """
        moved = self.drift(stream, gate=gate, stop=stop)
        if moved:
            raise DriftError(moved)

    def drift_at_the_end(self, stream: Callable[[Path], Dataset], *, session: Session, scan: Scan) -> str:
        """Return what moved when all is done, of these videos and of the model's own clips; empty after a signal."""
        if scan.stop.signum is not None:
            return ""
        moved = self.drift(stream, gate=session, stop=scan.stop)
        return moved or drift_now(session, model=scan.model, canary=scan.canary)

    def drift(self, stream: Callable[[Path], Dataset], *, gate: GateKeeper, stop: StopRequest) -> str:
        """Score the videos, and keep what they score where nothing is expected of them yet.

        Args:
            stream: Makes the stages over a plan.
            gate: Lets videos start.
            stop: Ends it early; then nothing is said.

        Returns:
            Which scores moved, in a sentence; empty if none did.
        """
        if not self.refs or stop.reason is not None:
            return ""
        found = self._scored(stream, gate=gate, stop=stop)
        if stop.reason is not None:
            return ""
        moved = [text for ref in self.refs if (text := self._compare(ref, found.get(ref.video_id)))]
        if moved:
            return f"{len(moved)} of {len(self.refs)} canaries moved: {'; '.join(moved[:3])}"
        if self.place is not None and self._kept() != self.expected:
            with output_errors(self.place.uri):
                self.place.make()
                self.place.write(f"{self.key}.json", json.dumps(self.expected, indent=1).encode())
        return ""

    def _compare(self, ref: VideoRef, row: Mapping[str, Any] | None) -> str:
        """How a video scored otherwise than expected; empty if it did not."""
        if row is None:
            return f"{ref.uri} cannot be scored"
        now = {"uri": ref.uri, "status": row["status"], "score": row["score"]}
        before = self.expected.setdefault(ref.video_id.hex(), now)
        if before["status"] != now["status"]:
            return f"{ref.uri} is {now['status']}, it was {before['status']}"
        if now["score"] is not None and abs(now["score"] - before["score"]) > TOLERANCE:
            return f"{ref.uri} scores {now['score']:.4f}, it was {before['score']:.4f}"
        return ""

    def _scored(
        self, stream: Callable[[Path], Dataset], *, gate: GateKeeper, stop: StopRequest
    ) -> dict[bytes, dict[str, Any]]:
        self.num_judged += 1
        plan = self.scratch / f"{FOLDER}-{self.num_judged}"
        plan.mkdir(parents=True)
        write_part(plan, 0, refs_table(self.refs))
        end_parts(plan)
        rows: dict[bytes, dict[str, Any]] = {}
        committer = Committer(
            sink=ListSink(show=lambda row: rows.update({row["video_id"]: row})),
            progress=Progress(num_planned=len(self.refs), out=io.StringIO()),
            commit_s=1.0,
        )
        commit_stream(blocks_of(stream(plan)), committer, gate=gate, stop=stop, errors_of_a_dying_cluster=DYING_CLUSTER)
        return rows

    def _kept(self) -> dict[str, dict[str, Any]]:
        """What the place says is expected.

        Raises:
            ConfigError: If it cannot be read.
        """
        if self.place is None:
            return {}
        with output_errors(self.place.uri):
            content = self.place.read(f"{self.key}.json")
        try:
            return dict(json.loads(content)) if content else {}
        except ValueError as error:
            name = f"{self.place.uri}/{self.key}.json"
            raise ConfigError(f"{name!r} cannot be read: {error}; accepted: what a scan wrote, or no file") from error
