"""The report of a run: one page with what was flagged, why, what could not be scored, and whether to trust it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from gsgmodel.report.collect import ALL, LONGEST_NAME, LONGEST_TEXT, MOST_TIMELINES, Findings, names_of, shortened
from gsgmodel.report.page import render
from gsgmodel.results.runs import to_toml
from gsgmodel.upkeep.accounts import faults
from gsgmodel.upkeep.remedies import REMEDIES

FULL_SANDBOX = frozenset({"landlock", "seccomp"})
"""What a decoder's column ``sandbox`` has where it had given up files, network and processes."""
DEFAULT_THRESHOLD = 0.5
"""Where the slider stands of a scan without a threshold."""
_HIDDEN = ("planned_bytes", "left_out_suffixes", "notes", "by_status")
"""Of the summary: shown elsewhere, or of no use to people."""


def report_page(
    findings: Findings,
    *,
    pictures: Mapping[bytes, Sequence[Mapping[str, Any]]],
    card: Mapping[str, Any],
    threshold: float | None,
    show_faces: bool,
) -> str:
    """Return the page.

    Args:
        findings: Of the run.
        pictures: By video: its explained clips, as ``report.explanation`` makes parts of a page of them.
        card: Of the model; empty where nobody wrote one, or it is not at hand.
        threshold: Where the slider stands at first, if not at the scan's own.
        show_faces: Whether faces can be told on the pictures.
    """
    stands_at = threshold if threshold is not None else findings.threshold
    counts = findings.by_status
    num_scored = counts.get("scored", 0)
    title = "Report of all runs" if findings.run == ALL else f"Report of run {findings.run}"
    return render(
        "report.html",
        title=title,
        script="report.js",
        data=page_data(
            findings, threshold=DEFAULT_THRESHOLD if stands_at is None else stands_at, pictured=pictures.keys()
        ),
        findings=findings,
        counts=counts,
        num_rows=findings.rows.num_rows,
        num_scored=num_scored,
        coverage=num_scored / max(findings.rows.num_rows + sum(findings.unfinished.values()), 1),
        own_threshold=findings.threshold,
        doubts=doubts(findings),
        remedies=REMEDIES,
        gallery=_gallery(findings.rows, pictures),
        stages=_stages(findings.summary),
        facts={name: value for name, value in findings.summary.items() if name not in _HIDDEN},
        card=_plain(card),
        settings=to_toml(findings.settings),
        show_faces=show_faces,
        shown_name=shown_name,
    )


def page_data(findings: Findings, *, threshold: float, pictured: Collection[bytes] = ()) -> dict[str, Any]:
    """What the page's script reads: the table in columns, words by their number, and scores over time.

    Args:
        findings: Of the run.
        threshold: Where the slider stands at first.
        pictured: Ids of the videos that have pictures.
    """
    rows = findings.rows
    names = [shortened(shown_name(uri), most=LONGEST_NAME) for uri in rows["uri"].to_pylist()]
    prefix = _common_prefix(names)
    ids = rows["video_id"].to_pylist()
    return {
        "threshold": threshold,
        "prefix": prefix,
        "names": [name[len(prefix) :] for name in names],
        "status": _coded(rows["status"].to_pylist()),
        "codec": _coded(rows["codec"].to_pylist()),
        "notes": _coded([", ".join(notes or ()) for notes in rows["notes"].to_pylist()]),
        "reason": _coded([shortened(text or "", most=LONGEST_TEXT) for text in rows["error_text"].to_pylist()]),
        **{name: _rounded(rows[name], digits=4) for name in ("score", "score_global", "score_fusion")},
        **{name: rows[name].to_pylist() for name in ("num_faces", "num_clips", "width_px", "height_px", "size_bytes")},
        "duration_s": _rounded(rows["duration_s"], digits=1),
        "pictured": {place: each.hex() for place, each in enumerate(ids) if each in pictured},
        "faces": [_timeline(findings.timelines.get(each, ())) for each in ids[:MOST_TIMELINES]],
    }


def doubts(findings: Findings) -> list[str]:
    """Return in sentences what speaks against trusting the run; none if nothing does."""
    found = [fault[:1].upper() + fault[1:] for fault in faults(findings.summary)] if findings.summary else []
    if findings.run != ALL and not findings.summary:
        found.append("The run left no summary: it was killed, or is still at work.")
    if findings.summary.get("exit_code"):
        found.append(f"The run ended with exit code {findings.summary['exit_code']}: {findings.summary.get('reason')}.")
    if findings.summary.get("is_untrained") or "untrained" in findings.rows["model_version"].to_pylist():
        found.append("The model is untrained: its weights are random and its scores mean nothing.")
    num_models = len(findings.model_digests)
    if num_models > 1:
        found.append(f"Scores are of {num_models} different models, and cannot be compared with each other.")
    open_ = [
        each for each in names_of(findings.rows["sandbox"].to_pylist()) if not set(each.split("+")) >= FULL_SANDBOX
    ]
    if open_:
        found.append(f"Decoders kept more rights than they need ({', '.join(open_)}).")
    if findings.unfinished:
        found.append(f"{sum(findings.unfinished.values())} planned videos have no row yet; the next run tries them.")
    return found


def shown_name(uri: str) -> str:
    """What a video is called, as people read it: a path, or an ``s3://`` URI; bytes that are no text become U+FFFD."""
    parts = urlsplit(uri) if uri.startswith("file://") else None
    return uri if parts is None else unquote(parts.path, errors="replace")


def _gallery(rows: pa.Table, pictures: Mapping[bytes, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The videos with pictures, in the order of their scores."""
    shown = rows.select(["video_id", "uri", "score", "score_global", "score_fusion"])
    return [
        {
            "name": shortened(shown_name(row["uri"]), most=LONGEST_NAME),
            **row,
            "clips": pictures[row["video_id"]],
        }
        for row in _first(shown, pictures)
        if row["video_id"] in pictures
    ]


def _first(rows: pa.Table, pictures: Mapping[bytes, object]) -> list[dict[str, Any]]:
    """So many rows from the top that every picture is among them."""
    ids = rows["video_id"].to_pylist()
    last = max((place for place, each in enumerate(ids) if each in pictures), default=-1)
    first: list[dict[str, Any]] = rows.slice(0, last + 1).to_pylist()
    return first


def _stages(summary: Mapping[str, Any]) -> list[tuple[str, float]]:
    """CPU seconds of each stage."""
    names = {"prepare_cpu_s": "prepare", "score_cpu_s": "score"}
    return [(text, float(summary[name])) for name, text in names.items() if isinstance(summary.get(name), int | float)]


def _timeline(faces: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Of each clip: track, start, end, score, and each frame's time and score."""
    return [
        [
            face["track_id"],
            round(clip["start_s"], 2),
            round(clip["end_s"], 2),
            round(clip["score"], 4),
            [[round(frame["time_s"], 2), round(frame["score"] or 0.0, 3)] for frame in clip["frames"]],
        ]
        for face in faces
        for clip in face["clips"]
    ]


def _coded(values: Sequence[str | None]) -> dict[str, Any]:
    """Texts that repeat themselves, each once, and which one every row has."""
    words: dict[str, int] = {}
    places = [words.setdefault(value or "", len(words)) for value in values]
    return {"words": list(words), "places": places}


def _rounded(column: pa.ChunkedArray, *, digits: int) -> list[float | None]:
    return [None if value is None else round(value, digits) for value in column.to_pylist()]


def _common_prefix(names: Sequence[str]) -> str:
    """What all names begin with, up to a slash."""
    first, last = min(names, default=""), max(names, default="")
    same = next((place for place, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), len(first))
    return first[: first.rfind("/", 0, same) + 1]


def _plain(card: Mapping[str, Any]) -> dict[str, str]:
    """A card's entries as texts."""
    return {str(name): value if isinstance(value, str) else repr(value) for name, value in card.items()}
