"""Make the newest trained model the champion, if its test is not worse than the champion's beyond the interval."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from jobs.terminal import run_app

REFUSED = 3
app = App(name="gsg promote", version_flags=[])
Switch = Parameter(negative=())


@app.default
def main(
    name: str = "gsg",
    *,
    challenger: str = "challenger",
    champion: str = "champion",
    force: Annotated[bool, Switch] = False,
    tracking_uri: str | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Move the champion's alias to the challenger, and that of `previous` to the champion before it.

    The challenger's canary is judged first: a model that judges otherwise on this machine is not promoted. Exit code 3
    says that the tests speak against it. `gsg models promote NAME/VERSION` moves any alias without a question, also
    back.

    Example:
        gsg promote gsg --tracking-uri http://mlflow:5000

    Args:
        name: Of the model.
        challenger: Alias of the version that may be promoted.
        champion: Alias that it gets, which scans use by default.
        force: Promote it whatever the tests found.
        tracking_uri: MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default.
        json_: Print one line of JSON.
    """
    from gsgmodel.tracking.address import tracking_address
    from gsgmodel.tracking.contest import PREVIOUS, crown, find_contest
    from gsgmodel.tracking.promotion import judge_challenger
    from gsgmodel.tracking.registry import check_registered

    address = tracking_address(tracking_uri, folder=Path.cwd())
    contest = find_contest(name, challenger=challenger, champion=champion, tracking_uri=address)
    if not contest.is_settled:
        check_registered(f"models:/{contest.challenger.reference}", tracking_uri=address)
    verdict = judge_challenger(contest.challenger, contest.champion, is_forced=force)
    if verdict.is_promoted:
        crown(contest, tracking_uri=address)
    wanted, before = contest.challenger.reference, contest.champion and contest.champion.reference
    if json_:
        found = {"is_promoted": verdict.is_promoted, "reason": verdict.reason, "challenger": wanted, "champion": before}
        print(json.dumps(found | {"tracking_uri": address}), flush=True)
    else:
        said, more = "does not become", "; --force moves it all the same"
        if verdict.is_promoted:
            said, more = "is", "" if contest.is_settled or not before else f"; models:/{before} is @{PREVIOUS}"
        print(f"models:/{wanted} {said} models:/{name}@{champion}: {verdict.reason}{more}", flush=True)
    return 0 if verdict.is_promoted else REFUSED


if __name__ == "__main__":
    sys.exit(run_app(app))
