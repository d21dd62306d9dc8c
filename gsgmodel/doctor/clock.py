"""This machine's clock against that of a server: requests to a store are signed with the time."""

import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

from gsgmodel.doctor.findings import Finding

WARNED_S, REFUSED_S = 60.0, 300.0
"""Amazon's stores refuse requests that are signed fifteen minutes off, others five; a good clock is off by less than a
second."""
PATIENCE_S = 5.0


def server_time_s(url: str) -> float | None:
    """What time it is at a server, in seconds since the epoch; None if it does not say or does not answer.

    Args:
        url: Of http or https; whatever it answers carries a date.
    """
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - http or https
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            date = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date")
    except (OSError, ValueError):
        return None
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None


def check_clock(url: str) -> Finding | None:
    """Hold this clock against a server's.

    Args:
        url: Of the server.

    Returns:
        The finding; None where the server does not tell the time.
    """
    there_s = server_time_s(url)
    return None if there_s is None else judge_clock(time.time() - there_s, server=url)


def judge_clock(ahead_s: float, *, server: str) -> Finding:
    """Say what a clock that is off means.

    Args:
        ahead_s: How far this one is ahead of the server's.
        server: Its address.
    """
    # The server tells whole seconds.
    off_s = max(0.0, abs(ahead_s) - 1.0)
    where = "ahead of" if ahead_s > 0 else "behind"
    text = f"{off_s:.0f} s {where} {server}"
    fix = "let the clock follow a time server (chrony, systemd-timesyncd)"
    if off_s >= REFUSED_S:
        return Finding(name="clock", verdict="failed", text=f"{text}: stores refuse what is signed so", fix=fix)
    if off_s >= WARNED_S:
        return Finding(name="clock", verdict="warning", text=text, fix=fix)
    return Finding(name="clock", verdict="ok", text=f"agrees with {server}")
