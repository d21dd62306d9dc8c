"""Flagged videos for people to judge, and what they judged as labels to train on."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.errors import ConfigError
from gsgmodel.report.report import shown_name
from gsgmodel.upkeep.formats import RISKY

FILE = "review.csv"
COLUMNS = ("label", "score", "video", "picture", "uri", "video_id")
"""``label`` is empty, for a person to fill in; ``uri`` is what ``gsg prepare`` takes."""
LABELS = ("real", "fake")
UNSURE = "unsure"
"""What somebody writes who looked and cannot tell; as an empty label it becomes none."""


def flagged_rows(rows: pa.Table, *, threshold: float) -> pa.Table:
    """Rows with scores from the threshold on, in their order.

    Args:
        rows: With ``score``, which may be null.
        threshold: 0 to 1.
    """
    return rows.filter(pc.fill_null(pc.greater_equal(rows["score"], threshold), fill_value=False))


def review_lines(rows: Sequence[Mapping[str, Any]], pictures: Mapping[bytes, str]) -> str:
    """The file that people fill in, as CSV.

    Args:
        rows: Of the flagged videos, in the order in which they are looked at.
        pictures: By video, the name of its picture beside the file; those without one have to be played.
    """
    text = io.StringIO()
    lines = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    lines.writeheader()
    for row in rows:
        lines.writerow(
            {
                "label": "",
                "score": f"{row['score']:.4f}",
                "video": _harmless(shown_name(row["uri"])),
                "picture": pictures.get(row["video_id"], ""),
                "uri": row["uri"],
                "video_id": row["video_id"].hex(),
            }
        )
    return text.getvalue()


def check_no_review(folder: Path) -> None:
    """Make sure that nobody's labels are written over.

    Raises:
        ConfigError: If there is a review already.
    """
    if (folder / FILE).exists():
        raise ConfigError(
            f"FOLDER is {str(folder)!r}, whose {FILE} somebody may have filled in already; accepted: another folder"
        )


def read_review(file: Path) -> list[tuple[str, str]]:
    """Read what people judged.

    Args:
        file: As ``review_lines`` made it, filled in; lines may be gone, in another order, or have more columns.

    Returns:
        The uri and the label of each video that somebody was sure of.

    Raises:
        ConfigError: If it cannot be read, a column is missing, or a label is none.
    """
    try:
        # Spreadsheets put a mark before the first column's name.
        lines = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"FILE is {str(file)!r}, which cannot be read: {error}; accepted: a filled in {FILE}"
        ) from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 2):
        label, uri = (line.get(name) for name in ("label", "uri"))
        if label is None or not uri:
            raise ConfigError(f"line {number} of {str(file)!r} has no label or no uri; accepted: the columns of {FILE}")
        said = label.strip().lower()
        if said in {"", UNSURE}:
            continue
        if said not in LABELS or found.get(uri, said) != said:
            raise ConfigError(
                f"line {number} of {str(file)!r} has the label {label!r} for {uri!r}; accepted: {', '.join(LABELS)}, "
                f"{UNSURE} or nothing, and one a video"
            )
        found[uri] = said
    return list(found.items())


def manifest_lines(labelled: Sequence[tuple[str, str]]) -> str:
    """A manifest that ``gsg prepare`` takes, as CSV.

    Args:
        labelled: Uris and labels.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("uri", "label"))
    lines.writerows(labelled)
    return text.getvalue()


def _harmless(text: str) -> str:
    """A text that a spreadsheet does not calculate."""
    return f"'{text}" if re.match(RISKY, text) else text
