"""Look whether this machine, a cluster, stores and MLflow are fit and safe for scans, and say what to do."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from jobs.terminal import FAILED, OK, run_app

if TYPE_CHECKING:
    from gsgmodel.doctor.findings import Finding

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"
app = App(name="gsg doctor", version_flags=[])


@app.default
def main(
    *,
    store: tuple[str, ...] = (),
    output: tuple[str, ...] = (),
    s3_endpoint: str | None = None,
    tracking_uri: str | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Check versions, FFmpeg's known holes, the decoder's cage, Ray's tokens, stores, MLflow, the clock and room.

    Exit code 1 says that something is unsafe or will not work; warnings leave it at 0. `RAY_ADDRESS` names a cluster.

    Examples:
        gsg doctor

        gsg doctor --store s3://archive/2026/ --output s3://results/fakes --tracking-uri http://mlflow:5000

    Args:
        store: What is to be scanned, as given to gsg score; --store may be given several times.
        output: Where results are to go: a probe is written there and deleted.
        s3_endpoint: Address of an S3 store other than the environment's.
        tracking_uri: MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default.
        json_: Print one line of JSON; sentences go to standard error.
    """
    from gsgmodel.doctor.findings import is_fit

    found = []
    for finding in look(store, output, s3_endpoint=s3_endpoint, tracking_uri=tracking_uri):
        tell(finding, as_json=json_)
        found.append(finding)
    fit = is_fit(found)
    counts = Counter(finding.verdict for finding in found)
    if json_:
        print(json.dumps({"is_fit": fit, "findings": [asdict(finding) for finding in found]}), flush=True)
    else:
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        print(f"{'fit' if fit else 'NOT FIT'} for scans: {said}", flush=True)
    return OK if fit else FAILED


def look(
    stores: tuple[str, ...], outputs: tuple[str, ...], *, s3_endpoint: str | None, tracking_uri: str | None
) -> Iterator["Finding"]:
    """Look at one thing after the other, what is quick first."""
    from gsgmodel.archive.identity import check_endpoint
    from gsgmodel.doctor.cluster import check_cluster
    from gsgmodel.doctor.decoder import check_decoder
    from gsgmodel.doctor.machine import check_machine
    from gsgmodel.doctor.registry import check_registry
    from gsgmodel.doctor.software import check_software
    from gsgmodel.doctor.stores import check_stores

    check_endpoint(s3_endpoint)
    yield from check_software(REQUIREMENTS)
    yield from check_machine()
    yield from check_decoder()
    yield from check_cluster()
    yield from check_stores(stores, outputs, s3_endpoint=s3_endpoint)
    yield from check_registry(tracking_uri, folder=Path.cwd())


def tell(finding: "Finding", *, as_json: bool) -> None:
    """Print a finding, and below it what to do."""
    from gsgmodel.redact import redact

    out = sys.stderr if as_json else sys.stdout
    print(redact(f"{finding.verdict:<8} {finding.name:<14} {finding.text}"), file=out, flush=True)
    if finding.fix:
        print(redact(f"{'':<8} {'':<14} fix: {finding.fix}"), file=out, flush=True)


if __name__ == "__main__":
    sys.exit(run_app(app))
