"""Look things up in the table that scans write: one video, any question in SQL, what two runs say differently."""

import json
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from gsgmodel.upkeep.settings import LookupSettings, QuerySettings
from jobs.lookup_text import change_lines, plain, print_batches, video_lines
from jobs.table_text import tell

Output = Annotated[str, Parameter(help="The --output of a scan: a folder or s3://BUCKET/PREFIX.")]
Flat = Parameter(name="*")
LOOKUP, QUERY = LookupSettings(), QuerySettings()


def show(output: Output, video: str, /, *, settings: Annotated[LookupSettings, Flat] = LOOKUP) -> None:
    """Show all that the table says of one video: status, scores by face, clip and frame, how it was scored, and when.

    Examples:
        gsg table show results/ archive/clip.mp4

        gsg table show s3://results/fakes clip.mp4 --threshold 0.8

    Args:
        output: The --output of a scan: a folder or s3://BUCKET/PREFIX.
        video: A path or URI, how one ends, or a video_id.
        settings: How it is read.
    """
    from gsgmodel.upkeep.lookup import find_video
    from gsgmodel.upkeep.past_runs import PastRuns
    from gsgmodel.upkeep.snapshot import Snapshot

    snapshot = Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    rows, runs = find_video(snapshot, video), PastRuns.of(snapshot.output)
    for row in rows:
        threshold = runs.threshold(row["run_id"]) if settings.threshold is None else settings.threshold
        tell(video_lines(row, threshold=threshold), as_json=settings.json)
        if settings.json:
            print(json.dumps(plain(row) | {"threshold": threshold}), flush=True)


def query(output: Output, sql: str, /, *, settings: Annotated[QuerySettings, Flat] = QUERY) -> None:
    """Answer one SELECT in DuckDB's SQL over the views videos (every row) and latest (the newest row of each name).

    It reads the table and nothing else, whatever it says.

    Examples:
        gsg table query results/ "SELECT status, count(*) FROM latest GROUP BY status"

        gsg table query results/ "SELECT uri, score FROM latest WHERE score > 0.9 ORDER BY score DESC" --json

        gsg table query results/ "SELECT uri, face.track_id, face.score FROM latest, unnest(faces) AS f(face)"

    Args:
        output: The --output of a scan: a folder or s3://BUCKET/PREFIX.
        sql: The question.
        settings: How much of the answer is printed.
    """
    from gsgmodel.upkeep.query import query as ask
    from gsgmodel.upkeep.snapshot import Snapshot

    batches = ask(Snapshot.open(output, s3_endpoint=settings.s3_endpoint), sql)
    if settings.json:
        for batch in batches:
            print("".join(f"{json.dumps(plain(row))}\n" for row in batch.to_pylist()), end="", flush=True)
    else:
        print_batches(batches, most=settings.rows)


def diff(
    output: Output,
    before: str = "before",
    after: str = "newest",
    /,
    *,
    settings: Annotated[LookupSettings, Flat] = LOOKUP,
) -> None:
    """Hold two runs against each other, video by video: statuses, scores, and verdicts at a threshold.

    Examples:
        gsg table diff results/

        gsg table diff results/ 20261124T0100 20261125T0100 --threshold 0.5

    Args:
        output: The --output of a scan: a folder or s3://BUCKET/PREFIX.
        before: A run or a scoring_id, the beginning of one, or before: the run that scored last but one.
        after: Likewise, or newest: the run that scored last.
        settings: How it is read; by default the threshold is that of the later run.
    """
    from gsgmodel.upkeep.compare import compare, resolve_run
    from gsgmodel.upkeep.past_runs import PastRuns
    from gsgmodel.upkeep.snapshot import Snapshot

    snapshot = Snapshot.open(output, s3_endpoint=settings.s3_endpoint)
    names = [resolve_run(snapshot, name) for name in (before, after)]
    threshold = settings.threshold
    if threshold is None:
        threshold = PastRuns.of(snapshot.output).threshold(names[1])
    found = compare(snapshot, *names, threshold=threshold)
    tell(change_lines(found), asdict(found), as_json=settings.json)
