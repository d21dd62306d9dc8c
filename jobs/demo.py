"""See it work: make short videos with real and swapped faces, score them into a table, and show the table."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.scan.settings import ScanSettings
from jobs.score import score_archive
from jobs.terminal import print_head, run_app, say

HEAD_ROWS = 8
app = App(name="gsg demo", version_flags=[])


@app.default
def main(
    *,
    folder: Path = Path("demo"),
    num_videos: int = 24,
    seed: int = 0,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Make a few dozen short videos from three public-domain portraits, and score them into a table.

    The network is untrained, so its scores mean nothing: this shows the way of the data, not the quality of a model.
    A second demo in the same folder finds everything scored.

    Args:
        folder: Gets `videos` and `results`.
        num_videos: How many videos are made; every other one has its face swapped.
        seed: Another seed makes other videos.
        json_: End with the summary as one line of JSON.
    """
    from gsgmodel.datasets.made import make_videos
    from gsgmodel.results.table import VideoTable

    videos, results = folder / "videos", folder / "results"
    if len(list(videos.glob("*.mp4"))) != num_videos:
        say([f"making {num_videos} videos in {videos}"])
        make_videos(videos, num_videos=num_videos, seed=seed)
    summary = score_archive((str(videos),), ScanSettings(output=str(results), model="untrained"))
    assert summary is not None
    print_head(VideoTable.open(str(results)), num_rows=HEAD_ROWS)
    print(f"videos    {videos.resolve()} (manifest.csv says which are fake)")
    print(f"table     {(results / 'videos').resolve()} (a Delta table: DuckDB, Spark and others read it)")
    print(f"summary   {(results / 'runs').resolve()}/{summary.run_id}/summary.json")
    print("the model is untrained: train one and pass it with --model for scores that mean something")
    if json_:
        print(json.dumps({**asdict(summary), "folder": str(folder.resolve())}), flush=True)
    return summary.exit_code


if __name__ == "__main__":
    sys.exit(run_app(app))
