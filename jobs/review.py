"""Let people judge what was flagged, and make labels of what they say."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.errors import ConfigError
from gsgmodel.report.settings import ReviewSettings, make_folder
from jobs.terminal import OK, run_app, say, shown_path

app = App(name="gsg review", version_flags=[])
Flat = Parameter(name="*")
DEFAULTS = ReviewSettings()


@app.command(name="export")
def export_flagged(output: str, folder: str, /, *, settings: Annotated[ReviewSettings, Flat] = DEFAULTS) -> int:
    """Write the flagged videos as review.csv, with a picture of each, for people to fill in the column label.

    Faces are recognizable on the pictures, because they are what is to be judged; --no-show-faces blurs them.

    Examples:
        gsg review export results/ review/

        gsg review export s3://results/fakes review/ --threshold 0.8 --top 100

    Args:
        output: The --output of a scan: a folder or s3://BUCKET/PREFIX.
        folder: Where review.csv and the pictures go.
        settings: Which videos, and how they are shown.

    Raises:
        ConfigError: If nobody says from which score on videos are flagged.
    """
    from gsgmodel.report.collect import collect
    from gsgmodel.report.gallery import save_pictures
    from gsgmodel.report.review import FILE, check_no_review, flagged_rows, review_lines
    from gsgmodel.upkeep.snapshot import Snapshot

    snapshot = Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    findings = collect(snapshot, settings.run)
    threshold = findings.threshold if settings.threshold is None else settings.threshold
    if threshold is None:
        raise ConfigError(f"run {findings.run} has no threshold; accepted: --threshold, 0 to 1")
    place = make_folder(folder, name="FOLDER")
    check_no_review(place)
    flagged = flagged_rows(findings.rows, threshold=threshold)
    rows = flagged.slice(0, settings.top).to_pylist()
    pictures, missing = save_pictures(
        findings,
        place,
        top=len(rows) if settings.pictures else 0,
        show_faces=settings.show_faces,
        find={"model": settings.model, "tracking_uri": settings.tracking_uri},
        s3_endpoint=settings.s3_endpoint,
    )
    say([f"no picture of {shown_path(name)}: {why}" for name, why in missing])
    (place / FILE).write_text(review_lines(rows, pictures), encoding="utf-8")
    say(
        [f"{len(rows)} of {flagged.num_rows} videos flagged at {threshold:g}, {len(pictures)} pictures: {place / FILE}"]
    )
    if settings.json:
        facts = {"flagged": flagged.num_rows, "written": len(rows), "pictures": len(pictures), "threshold": threshold}
        print(json.dumps(facts), flush=True)
    return OK


@app.command(name="import")
def import_labels(file: str, manifest: str, /, *, json_: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Make a manifest of a review that people filled in: gsg prepare takes it, and gsg train what that prepares.

    Examples:
        gsg review import review/review.csv reviewed.csv && gsg prepare reviewed.csv --output clips/

    Args:
        file: The filled in review.csv: real, fake, unsure or nothing in the column label.
        manifest: The file that is written; one that is there is not replaced.
        json_: Print one line of JSON; sentences go to standard error.

    Raises:
        ConfigError: If the manifest is there already, cannot be written, or nobody labelled anything.
    """
    from gsgmodel.report.review import manifest_lines, read_review

    labelled, target = read_review(Path(file)), Path(manifest)
    if not labelled:
        raise ConfigError(f"FILE is {file!r}, in which nothing is labelled; accepted: real or fake in its column label")
    if target.exists() or not target.parent.is_dir():
        raise ConfigError(f"MANIFEST is {manifest!r}; accepted: a new file in a folder that is there")
    target.write_text(manifest_lines(labelled), encoding="utf-8")
    counts = {name: sum(label == name for _, label in labelled) for name in ("real", "fake")}
    say([f"{counts['real']} real and {counts['fake']} fake videos in {manifest}; next: gsg prepare {manifest}"])
    if json_:
        print(json.dumps({"manifest": manifest, **counts}), flush=True)
    return OK


if __name__ == "__main__":
    sys.exit(run_app(app))
