"""Look after the table that scans write: count, tidy, check, export and verify it."""

import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.upkeep.settings import ExportSettings, TableSettings, VacuumSettings, VerifySettings
from jobs.table_lookups import diff, query, show
from jobs.table_text import check_lines, status_lines, tell, unneeded_lines, verified_line
from jobs.terminal import FAILED, OK, run_app

app = App(name="gsg table", version_flags=[])
for lookup in (show, query, diff):
    app.command(lookup)
Output = Annotated[str, Parameter(help="The --output of a scan: a folder or s3://BUCKET/PREFIX.")]
Flat = Parameter(name="*")
SETTINGS, VACUUM, EXPORT, VERIFY = TableSettings(), VacuumSettings(), ExportSettings(), VerifySettings()


@app.command
def status(output: Output, /, *, settings: Annotated[TableSettings, Flat] = SETTINGS) -> None:
    """Count rows, videos, statuses by scoring, files and runs; and what the newest row of each video's name says."""
    from gsgmodel.upkeep.snapshot import Snapshot
    from gsgmodel.upkeep.status import table_status

    found = table_status(Snapshot.open(output, s3_endpoint=settings.s3_endpoint))
    tell(status_lines(found), asdict(found), as_json=settings.json)


@app.command
def compact(output: Output, /, *, settings: Annotated[TableSettings, Flat] = SETTINGS) -> None:
    """Merge small files; scans and readers go on undisturbed, and vacuum deletes the old ones in time."""
    from gsgmodel.results.table import VideoTable
    from gsgmodel.upkeep.snapshot import Snapshot

    Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    fewer = VideoTable.open(output, s3_endpoint=settings.s3_endpoint).compact()
    now = len(Snapshot.open(output, s3_endpoint=settings.s3_endpoint).files)
    tell([f"{fewer} files fewer, {now} now"], {"fewer": fewer, "files": now}, as_json=settings.json)


@app.command
def vacuum(output: Output, /, *, settings: Annotated[VacuumSettings, Flat] = VACUUM) -> None:
    """Delete files that no version of the table within a time needs, and leftovers of processes that were killed."""
    from gsgmodel.upkeep.maintenance import vacuum as delete_unneeded
    from gsgmodel.upkeep.snapshot import Snapshot

    snapshot = Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    found = delete_unneeded(snapshot, older_than=settings.older_than, dry_run=settings.dry_run)
    facts = {"superseded": len(found.superseded), "orphans": len(found.orphans), "bytes": found.num_bytes}
    lines = unneeded_lines(found, is_dry_run=settings.dry_run)
    tell(lines, {**facts, "is_dry_run": settings.dry_run}, as_json=settings.json)


@app.command
def fsck(output: Output, /, *, settings: Annotated[TableSettings, Flat] = SETTINGS) -> int:
    """Read the whole table and prove that it is sound and that runs account for their videos; exit code 1 if not."""
    from gsgmodel.upkeep.accounts import check_runs
    from gsgmodel.upkeep.checkup import check_table
    from gsgmodel.upkeep.snapshot import Snapshot

    snapshot = Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    found = []
    for part in (check_table(snapshot), check_runs(snapshot.output)):
        for check in part:
            tell(check_lines(check), as_json=settings.json)
            found.append(check)
    is_sound = all(check.verdict != "wrong" for check in found)
    facts = {"is_sound": is_sound, "checks": [asdict(check) for check in found]}
    tell(["sound" if is_sound else "NOT SOUND"], facts, as_json=settings.json)
    return OK if is_sound else FAILED


@app.command
def export(output: Output, file: str, /, *, settings: Annotated[ExportSettings, Flat] = EXPORT) -> None:
    """Write the rows to one file: CSV (without faces), lines of JSON or Parquet (with everything).

    In CSV, ids are hexadecimal, notes are joined by ";", and a text that begins with = + - @ or a tab has an apostrophe
    before it, so that no spreadsheet calculates what somebody called a file.

    Args:
        output: The --output of a scan: a folder or s3://BUCKET/PREFIX.
        file: A path; a file that is there is replaced once the new one is whole.
        settings: What is written, and how.
    """
    from gsgmodel.upkeep.export import export_rows
    from gsgmodel.upkeep.snapshot import Snapshot

    snapshot = Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    num_rows = export_rows(
        snapshot, file, format_=settings.format, is_latest=settings.latest, scoring_id=settings.scoring
    )
    tell([f"{num_rows} rows in {file}"], {"rows": num_rows, "file": file}, as_json=settings.json)


@app.command
def verify(output: Output, /, *, settings: Annotated[VerifySettings, Flat] = VERIFY) -> int:
    """Score some videos again and compare; exit code 1 if a score moved by more than 0.01 or is there no more."""
    from gsgmodel.evaluation.verify import doubts, draw_sample, score_again
    from gsgmodel.upkeep.snapshot import Snapshot

    snapshot = Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    sample, files = draw_sample(snapshot, settings, folder=Path.cwd())
    tell(doubts(sample, files), as_json=settings.json)
    found: Counter[str] = Counter(agrees=0, moved=0, changed=0)
    for video in score_again(sample, files, s3_endpoint=settings.s3_endpoint):
        found[video.outcome] += 1
        tell([verified_line(video)] if video.outcome != "agrees" else [], as_json=settings.json)
    said = ", ".join(f"{count} {outcome}" for outcome, count in found.items())
    tell([f"scoring {sample.scoring_id}, model {files.uri}: {said}"], dict(found), as_json=settings.json)
    return FAILED if found["moved"] else OK


if __name__ == "__main__":
    sys.exit(run_app(app))
