"""A store that misbehaves in every way at once: the table is that of a scan without any fault."""

from pathlib import Path
from typing import Any

import pytest

from tests import faults
from tests.end_to_end.conftest import NUM_VIDEOS
from tests.end_to_end.scans import assert_same_rows, rows_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
ONE_EACH = ("--prepare-actors", "1", "--score-actors", "1", "--commit-s", "0.5")


@pytest.mark.parametrize("bytes_per_s", [10_000, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_store_that_misbehaves_leaves_the_table_of_one_that_does_not(
    upload: Any,
    bucket: str,
    s3_environment: str,
    model: Path,
    undisturbed: dict[str, Any],
    start_scan: Any,
    bytes_per_s: float,
) -> None:
    source = upload("in/")
    some = sorted(undisturbed)
    with faults.faulty(s3_environment) as proxy:

        def upset(name: str, fault: faults.Fault, times: float) -> None:
            proxy.add(fault, method="GET", text=f"/{bucket}/in/{name}", times=times)

        upset(some[0], faults.SLOW_DOWN, 2)
        upset(some[1], faults.INTERNAL_ERROR, 3)
        upset(some[2], faults.PRECONDITION_FAILED, 2)
        upset(some[3], faults.LOST_ANSWER, 2)
        upset(some[4], faults.cut(5_000), 2)
        upset(some[5], faults.slow(bytes_per_s), 1)
        upset(some[6], faults.EXPIRED_TOKEN, 1)
        # Down for as long as a pass tries, and up again for the next one.
        upset(some[7], faults.SLOW_DOWN, 4)
        proxy.add(faults.SLOW_DOWN, method="PUT", text="/_delta_log/", times=2)
        proxy.add(faults.CONFLICT, method="PUT", text="/_delta_log/", times=1)
        proxy.add(faults.LOST_ANSWER, method="PUT", text="/_delta_log/00000000000000000002", times=1)
        proxy.add(faults.INTERNAL_ERROR, method="PUT", text="/videos/part-", times=2)
        proxy.add(faults.SLOW_DOWN, method="GET", text="list-type=2", times=1)
        scan = start_scan(
            source, "--output", f"s3://{bucket}/out", "--model", model, *ONE_EACH, "--s3-endpoint", proxy.url
        )
        code, _, err = scan.finish(timeout_s=400)
        left = {rule.text: rule.left for rule in proxy.rules if rule.left > 0}
    assert code == 0, err
    assert left == {}, "a fault that never came proves nothing"
    assert_same_rows(rows_of(f"s3://{bucket}/out", s3_endpoint=s3_environment), undisturbed)
    assert len(undisturbed) == NUM_VIDEOS
