"""What can be found wrong with a scan before anything heavy is loaded, so that a slip costs a second."""

from collections import Counter
from collections.abc import Sequence

from gsgmodel.archive.listing import check_inputs, list_archive
from gsgmodel.clips.schema import INDEX_ROWS, SHARDS
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef
from gsgmodel.results.storage import check_writable
from gsgmodel.scan.plan import left_out_text
from gsgmodel.scan.preflight import Wishes, fit_machine, this_machine
from gsgmodel.scan.settings import PrepareSettings, RunSettings, ScanSettings
from gsgmodel.scan.submitted import check_local_inputs, check_local_output, check_submitted, is_joining
from gsgmodel.tracking.address import NO_TRACKING

ONE_WRITER = (
    "the output's store ignores If-None-Match, so nothing there stops two scans from overwriting each other: "
    "this run relies on being the only one that writes to it"
)


STORE_FOLDERS = (INDEX_ROWS.name, f"{INDEX_ROWS.name}/_delta_log", SHARDS, "runs")
"""Of a clip store that preparations write to."""


def check_sandbox(settings: RunSettings) -> None:
    """Make sure that this machine can confine decoders as is asked for; a cluster's nodes are asked as they work.

    Raises:
        ConfigError: If it cannot.
    """
    if settings.sandbox != "require" or settings.dry_run or is_joining():
        return
    # PyAV takes a third of a second to load, and only this needs it here.
    from gsgmodel.video.process import SandboxError  # noqa: PLC0415
    from gsgmodel.video.sandbox import Sandbox  # noqa: PLC0415

    try:
        _ = Sandbox(is_required=True).measures
    except SandboxError as error:
        raise ConfigError(f"{error}; accepted: best-effort, or off for videos that are trusted") from error


def check_scan(inputs: Sequence[str], settings: ScanSettings) -> list[str]:
    """Check the inputs, the output, and that the actors fit this machine.

    Args:
        inputs: Files, folders, S3 prefixes and manifests.
        settings: As parsed.

    Returns:
        Sentences that the user should know of although the scan can go on.

    Raises:
        ConfigError: If something is missing, or cannot be read, written or placed, or if there is no candidate.
    """
    if settings.output is None and settings.retry_statuses:
        raise ConfigError("--retry is set without --output; accepted: together with the output that holds the rows")
    canary = [settings.canary] if settings.canary is not None else []
    check_submitted([*inputs, *canary], output=settings.output, tracking_uri=settings.tracking_uri)
    _check_room([*inputs, *canary], settings.wishes, output=None)
    check_inputs(inputs, s3_endpoint=settings.s3_endpoint)
    if canary:
        check_inputs(canary, s3_endpoint=settings.s3_endpoint)
    _check_candidates(inputs, settings)
    check_sandbox(settings)
    if settings.output is None or settings.dry_run:
        return []
    is_exclusive = check_writable(settings.output, s3_endpoint=settings.s3_endpoint)
    return [] if is_exclusive else [ONE_WRITER]


def check_prepare(inputs: Sequence[str], settings: PrepareSettings) -> list[str]:
    """Check the inputs, the store, and that the actors fit this machine; labels are read afterwards.

    Args:
        inputs: Manifests, and folders with ``real`` and ``fake``.
        settings: As parsed.

    Returns:
        Sentences that the user should know of although the run can go on.

    Raises:
        ConfigError: If something is missing, or cannot be read, written or placed, or if there is no candidate.
    """
    if settings.output is None:
        raise ConfigError("--output is not set; accepted: a folder or s3://BUCKET/PREFIX for the clip store")
    check_submitted(inputs, output=settings.output, tracking_uri=NO_TRACKING)
    _check_room(inputs, settings.wishes, output=settings.output)
    check_inputs(inputs, s3_endpoint=settings.s3_endpoint)
    _check_candidates(inputs, settings)
    check_sandbox(settings)
    if settings.dry_run:
        return []
    is_exclusive = check_writable(settings.output, s3_endpoint=settings.s3_endpoint, folders=STORE_FOLDERS)
    return [] if is_exclusive else [ONE_WRITER]


def _check_room(inputs: Sequence[str], wishes: Wishes, *, output: str | None) -> None:
    """Make sure that the actors fit, and that every node of a cluster can reach what they read and write."""
    if not is_joining():
        fit_machine(this_machine(), wishes)
        return
    # Ray takes seconds to load, and only a cluster needs it here.
    from gsgmodel.scan.cluster import num_nodes  # noqa: PLC0415
    from gsgmodel.scan.session import join  # noqa: PLC0415

    join()
    check_local_inputs(inputs, num_nodes=num_nodes())
    if output is not None:
        check_local_output(output, num_nodes=num_nodes())


def _check_candidates(inputs: Sequence[str], settings: RunSettings) -> None:
    left_out: Counter[str] = Counter()
    suffixes: Counter[str] = Counter()
    for item in list_archive(inputs, filters=settings.filter, s3_endpoint=settings.s3_endpoint):
        if isinstance(item, VideoRef):
            return
        left_out[item.reason] += 1
        suffixes.update([item.suffix] if item.suffix else [])
    found = left_out_text(left_out, suffixes) or "nothing there"
    raise ConfigError(f"no videos among the inputs: {found}; --filter '*' takes every file")
