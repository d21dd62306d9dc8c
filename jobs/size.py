"""Say how many nodes score so many videos in so many hours, and what that costs."""

import json
import sys
from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.scan.sizing import SizeSettings
from jobs.terminal import run_app

app = App(name="gsg size", version_flags=[])


@app.default
def main(settings: Annotated[SizeSettings, Parameter(name="*")]) -> int:
    """Find the fewest nodes that score an archive in time, by what a scan's preflight makes of nodes.

    Where no price is given, none is invented; what was not measured is said.

    Examples:
        gsg size --videos 1000000 --hours 8

        gsg size --videos 1000000 --hours 8 --duration-s 60 --resolution 1080p --cpu-node-price 0.8 --device cpu

        gsg size --videos 1000000 --hours 8 --measured results/runs/RUN/summary.json --gpu-clips-per-s 200

    Args:
        settings: Of the videos, and of the nodes.
    """
    from gsgmodel.scan.sizing import size
    from jobs.size_text import as_json, notes, sizing_text, task_text

    task = settings.task()
    # What says nothing of the network on cores sizes no scan without GPUs; who asks for that one alone is told.
    is_known = task.costs.score_s is not None or settings.device == "cpu"
    sizings = [size(task, device=device) for device in settings.devices if device == "gpu" or is_known]
    if settings.json:
        print(json.dumps(as_json(task, sizings)), flush=True)
    else:
        lines = [*task_text(task), *(line for each in sizings for line in sizing_text(each)), *notes(task, sizings)]
        print("\n".join(lines), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_app(app))
