"""What can be found wrong with a scan before anything heavy is loaded, so that a slip costs a second."""

import os
from collections import Counter
from collections.abc import Sequence

from gsgmodel.archive.listing import check_inputs, list_archive
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef
from gsgmodel.results.storage import check_writable
from gsgmodel.scan.plan import left_out_text
from gsgmodel.scan.preflight import fit_pools, this_machine
from gsgmodel.scan.settings import ScanSettings


def check_scan(inputs: Sequence[str], settings: ScanSettings) -> None:
    """Check the inputs, the output, and that the actors fit this machine.

    Args:
        inputs: Files, folders and manifests.
        settings: As parsed.

    Raises:
        ConfigError: If something is missing, or cannot be read, written or placed, or if there is no candidate.
    """
    if settings.model is None:
        raise ConfigError("--model is not set; accepted: a model folder, or untrained to try the pipeline")
    if settings.output is None and settings.retry_statuses:
        raise ConfigError("--retry is set without --output; accepted: together with the output that holds the rows")
    check_inputs(inputs)
    _check_candidates(inputs, filters=settings.filter)
    if settings.output is not None and not settings.dry_run:
        check_writable(settings.output)
    if not os.environ.get("RAY_ADDRESS"):
        fit_pools(
            this_machine(),
            device=settings.device,
            prepare_actors=settings.prepare_actors,
            score_actors=settings.score_actors,
            batch_clips=settings.batch_clips,
        )


def _check_candidates(inputs: Sequence[str], *, filters: Sequence[str]) -> None:
    left_out: Counter[str] = Counter()
    suffixes: Counter[str] = Counter()
    for item in list_archive(inputs, filters=filters):
        if isinstance(item, VideoRef):
            return
        left_out[item.reason] += 1
        suffixes.update([item.suffix] if item.suffix else [])
    found = left_out_text(left_out, suffixes) or "nothing there"
    raise ConfigError(f"no videos among the inputs: {found}; --filter '*' takes every file")
