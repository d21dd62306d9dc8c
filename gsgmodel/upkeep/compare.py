"""What two runs, or two scorings, say differently of the same videos."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gsgmodel.errors import ConfigError, Status
from gsgmodel.upkeep.snapshot import Snapshot

MOVED = 0.01
"""A score that moves by less is the same: other machines and batches move it by less."""
SHOWN = 20
_COLUMNS = ("uri", "status", "score", "run_id", "scoring_id", "last_modified", "scored_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One video of which two runs say something else."""

    uri: str
    status_before: str
    status_after: str
    score_before: float | None
    score_after: float | None
    is_flipped: bool
    """Whether the scores lie on different sides of the threshold."""

    @property
    def move(self) -> float:
        """How far the score moved, signed; 0 where one is missing."""
        if self.score_before is None or self.score_after is None:
            return 0.0
        return self.score_after - self.score_before


@dataclass(kw_only=True)
class Comparison:
    """Two runs side by side; a video is what it is called."""

    before: str
    after: str
    threshold: float | None
    only_before: int = 0
    only_after: int = 0
    both: int = 0
    by_status: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many videos have each status, ``before`` and ``after``."""
    statuses_changed: Counter[str] = field(default_factory=Counter)
    """Of videos in both, such as ``unreadable -> scored``."""
    moved: int = 0
    """Scores that differ by more than ``MOVED``."""
    to_fake: int = 0
    to_real: int = 0
    """Across the threshold, where there is one."""
    changes: list[Change] = field(default_factory=list)
    """Some of those that changed: verdicts first, then statuses, then by how far scores moved."""


def resolve_run(snapshot: Snapshot, name: str) -> str:
    """Return the run or scoring that a name means: one itself, the beginning of one, ``newest`` or ``before``.

    Raises:
        ConfigError: If none has rows, or several begin so.
    """
    rows = snapshot.answer(
        "SELECT run_id, scoring_id, max(scored_at) AS last_at FROM videos GROUP BY ALL ORDER BY last_at DESC",
        columns=["run_id", "scoring_id", "scored_at"],
    )
    runs = list(dict.fromkeys(str(row["run_id"]) for row in rows))
    known = [*runs, *dict.fromkeys(str(row["scoring_id"]) for row in rows)]
    words = dict(zip(("newest", "before"), runs, strict=False))
    found = [words[name]] if name in words else [each for each in known if each == name]
    found = found or [each for each in known if each.startswith(name)]
    if len(found) != 1:
        raise ConfigError(
            f"RUN is {name!r}, {'which several begin with' if found else 'of which there are no rows'}; accepted: "
            f"{', '.join(words)}, or one of {', '.join(known[:SHOWN])}"
        )
    return found[0]


def compare(snapshot: Snapshot, before: str, after: str, *, threshold: float | None = None) -> Comparison:
    """Hold what one run or scoring says against what another says, video by video.

    Args:
        snapshot: Of the table; what cannot be read is a ``ConfigError``.
        before: As ``resolve_run`` returns it.
        after: Likewise.
        threshold: Scores from it on are fake; None if no verdicts are compared.

    Returns:
        The differences, counted, and some of them.
    """
    found = Comparison(before=before, after=after, threshold=threshold)
    totals: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
    best: list[tuple[tuple[bool, bool, float], int, Change]] = []
    for place, row in enumerate(_pairs(snapshot, before, after)):
        old, new = row["before"], row["after"]
        for side, one in (("before", old), ("after", new)):
            totals[side].update([one["status"]] if one else [])
        if old is None or new is None:
            found.only_before += new is None
            found.only_after += old is None
            continue
        found.both += 1
        change = _changed(row["uri"], old, new, threshold)
        if change is not None:
            _count(found, change)
            rank = (change.is_flipped, change.status_before != change.status_after, abs(change.move))
            (heapq.heappush if len(best) < SHOWN else heapq.heappushpop)(best, (rank, -place, change))
    found.by_status = {side: dict(sorted(counts.items())) for side, counts in totals.items()}
    found.changes = [change for _, _, change in sorted(best, reverse=True, key=lambda each: each[:2])]
    return found


def _pairs(snapshot: Snapshot, before: str, after: str) -> Iterator[dict[str, Any]]:
    """What each side says of a video last; of most that both have, nothing changed, and they are only counted."""
    newest = "arg_max({'status': status, 'score': score}, (last_modified, scored_at)) FILTER (WHERE"
    sides = ", ".join(
        f"{newest} run_id = {_quoted(name)} OR scoring_id = {_quoted(name)}) AS {side}"
        for side, name in (("before", before), ("after", after))
    )
    sql = f"SELECT * FROM (SELECT uri, {sides} FROM videos GROUP BY uri) WHERE before IS NOT NULL OR after IS NOT NULL"  # noqa: S608
    for batch in snapshot.ask(sql, columns=_COLUMNS):
        yield from batch.to_pylist()


def _changed(uri: str, old: Mapping[str, Any], new: Mapping[str, Any], threshold: float | None) -> Change | None:
    """The change of a video; None if there is none that counts."""
    scores = (old["score"], new["score"])
    is_flipped = threshold is not None and None not in scores and (scores[0] >= threshold) != (scores[1] >= threshold)
    change = Change(
        uri=uri,
        status_before=old["status"],
        status_after=new["status"],
        score_before=scores[0],
        score_after=scores[1],
        is_flipped=is_flipped,
    )
    is_same = old["status"] == new["status"] and abs(change.move) <= MOVED
    return None if is_same and not is_flipped else change


def _count(found: Comparison, change: Change) -> None:
    if change.status_before != change.status_after:
        found.statuses_changed[f"{change.status_before} -> {change.status_after}"] += 1
    found.moved += Status.SCORED == change.status_before == change.status_after and abs(change.move) > MOVED
    found.to_fake += change.is_flipped and change.move > 0
    found.to_real += change.is_flipped and change.move < 0


def _quoted(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"
