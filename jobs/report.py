"""Make one page of a scan: what was flagged and why, what could not be scored, and whether to trust it."""

import json
import sys
from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.report.settings import ReportSettings, page_file
from jobs.terminal import OK, bytes_text, run_app, say, shown_path

app = App(name="gsg report", version_flags=[])


@app.default
def main(*, settings: Annotated[ReportSettings, Parameter(name="*")]) -> int:
    """Make a page of a scan that opens from disk and loads nothing: scores, videos, pictures, failures, changes.

    Faces are blurred beyond recovery unless --show-faces is said. The top videos are read and judged again for their
    pictures, where they and the model are within reach.

    Examples:
        gsg report --output results/

        gsg report --output s3://results/fakes --run 20261125T0100 --top 50 --html tonight.html

        gsg report --output results/ --run all --no-pictures

    Args:
        settings: Which run, and what is shown.
    """
    from gsgmodel.report.collect import collect
    from gsgmodel.report.gallery import kept_pictures, take_pictures
    from gsgmodel.report.models import find_scorer
    from gsgmodel.report.report import report_page
    from gsgmodel.upkeep.snapshot import Snapshot

    file = page_file(settings.html)
    snapshot = Snapshot.open(settings.output, s3_endpoint=settings.s3_endpoint)
    findings = collect(snapshot, settings.run, threshold=settings.threshold)
    files, missing = find_scorer(
        findings.model_uris,
        findings.model_digests,
        model=settings.model,
        tracking_uri=settings.tracking_uri,
    )
    say([f"no pictures: {missing}"] if missing else [])
    page = report_page(
        findings,
        pictures=take_pictures(
            findings,
            files,
            top=settings.top,
            show_faces=settings.show_faces,
            s3_endpoint=settings.s3_endpoint,
            note=lambda uri, why: say([f"no picture of {shown_path(uri)}: {why}"]),
        )
        if files and settings.pictures
        else kept_pictures(findings, top=settings.top, show_faces=settings.show_faces),
        card={} if files is None else files.settings.card,
        threshold=settings.threshold,
        show_faces=settings.show_faces,
    )
    file.write_text(page, encoding="utf-8")
    size_bytes = file.stat().st_size
    say([f"report of {findings.rows.num_rows} videos in {file}, {bytes_text(size_bytes)}"])
    if settings.json:
        facts = {"file": str(file), "run": findings.run, "videos": findings.rows.num_rows, "bytes": size_bytes}
        print(json.dumps(facts | {"by_status": findings.by_status}), flush=True)
    return OK


if __name__ == "__main__":
    sys.exit(run_app(app))
