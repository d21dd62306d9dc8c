"""The report of a scan at its own end, beside its summary."""

from collections.abc import Callable

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.report.collect import collect
from gsgmodel.report.gallery import take_pictures
from gsgmodel.report.report import report_page
from gsgmodel.scan.opening import Scan
from gsgmodel.upkeep.snapshot import Snapshot


def write_report(scan: Scan, note: Callable[[str], None]) -> bytes | None:
    """Write ``report.html`` into the run's folder, faces blurred, with pictures of as many videos as were asked for.

    Args:
        scan: Whose rows and summary are written. Nothing is done where no report was asked for or nothing is kept.
        note: Told what is missing of it.

    Returns:
        The page; None if there is none. That it cannot be made is noted and costs nothing else.
    """
    settings = scan.settings
    if settings.explain_top is None or scan.run_folder is None or settings.output is None:
        return None
    try:
        findings = collect(Snapshot.open(settings.output, s3_endpoint=settings.s3_endpoint), scan.provenance.run_id)
        page = report_page(
            findings,
            pictures=take_pictures(
                findings,
                scan.model,
                top=settings.explain_top,
                show_faces=False,
                s3_endpoint=settings.s3_endpoint,
                note=lambda uri, why: note(f"no picture of {uri!r}: {why}"),
            ),
            card=scan.model.settings.card,
            threshold=None,
            show_faces=False,
        ).encode()
        scan.run_folder.write_report(page)
    except (ConfigError, OutputError) as error:
        note(f"there is no report: {error}")
        return None
    return page
