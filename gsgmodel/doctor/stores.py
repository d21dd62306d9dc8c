"""Whether archives can be listed and results written, with the credentials of this environment."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gsgmodel.archive.identity import is_s3, local_path, split_uri
from gsgmodel.archive.listing import check_inputs
from gsgmodel.archive.s3_client import store_address
from gsgmodel.doctor.clock import check_clock
from gsgmodel.doctor.findings import Finding
from gsgmodel.doctor.machine import OUTPUT_BYTES, check_disk
from gsgmodel.errors import ConfigError
from gsgmodel.results.storage import check_writable

LET_IN = "check the address, the credentials of this environment, and what they may do"


def check_stores(stores: Sequence[str], outputs: Sequence[str], *, s3_endpoint: str | None) -> Iterator[Finding]:
    """List each archive, write a probe to each output and delete it, and compare clocks.

    Args:
        stores: Files, folders and prefixes that are scanned.
        outputs: Folders and prefixes that results go to.
        s3_endpoint: Of the store, or None for the environment's.

    Yields:
        A finding for each, and for the clock. What is no name of a store is a ``ConfigError``.
    """
    for uri in [*stores, *outputs]:
        _ = split_uri(uri) if is_s3(uri) else local_path(uri)
    for uri in stores:
        yield _check_read(uri, s3_endpoint=s3_endpoint)
    for uri in outputs:
        yield _check_write(uri, s3_endpoint=s3_endpoint)
        if not is_s3(uri):
            fix = "name another output, or make room"
            yield check_disk(Path(local_path(uri)), wanted_bytes=OUTPUT_BYTES, name="output's disk", fix=fix)
    if any(is_s3(uri) for uri in [*stores, *outputs]):
        yield _check_time(s3_endpoint)


def _check_read(uri: str, *, s3_endpoint: str | None) -> Finding:
    try:
        check_inputs([uri], s3_endpoint=s3_endpoint)
    except ConfigError as error:
        return Finding(name="archive", verdict="failed", text=str(error), fix=LET_IN)
    return Finding(name="archive", verdict="ok", text=f"{uri} can be listed")


def _check_write(uri: str, *, s3_endpoint: str | None) -> Finding:
    try:
        is_exclusive = check_writable(uri, s3_endpoint=s3_endpoint)
    except ConfigError as error:
        return Finding(name="output", verdict="failed", text=str(error), fix=LET_IN)
    if not is_exclusive:
        return Finding(
            name="output",
            verdict="warning",
            text=f"{uri} can be written, but the store replaces what a conditional request protects",
            fix="let one scan at a time write there (--if-running wait), or use a store that takes If-None-Match",
        )
    return Finding(name="output", verdict="ok", text=f"{uri} can be written, and protected from being replaced")


def _check_time(s3_endpoint: str | None) -> Finding:
    address = store_address(s3_endpoint)
    return check_clock(address) or Finding(
        name="clock", verdict="warning", text=f"{address} does not tell the time", fix="compare it by hand (date -u)"
    )
