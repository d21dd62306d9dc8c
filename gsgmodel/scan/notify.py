"""Word to whoever waits for the end of a run: its summary, sent to an address as JSON."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from gsgmodel.errors import ConfigError

NOTIFY_S = 15.0
"""What telling may take."""
TRIES = 3
PAUSE_S = 1.0
"""Before the second try; twice as long before each further one."""
_OURS, _THEIRS = 400, 500
"""From which answers on a request is refused, and from which on its server failed and may do better a second time."""


class _Notifying(Protocol):
    """Settings that name an address to tell."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def notify(self) -> str | None:
        """The address."""


def check_address(address: str | None) -> None:
    """Make sure that something can be sent to an address.

    Raises:
        ConfigError: If it is none of the web; of its value only the host is shown, because the rest is often a secret.
    """
    if address is not None and host_of(address) is None:
        raise ConfigError("--notify is no address of the web; accepted: http(s)://HOST/PATH, best as GSG_NOTIFY")


def host_of(address: str) -> str | None:
    """The scheme and host of an address, all of it that may be shown or kept; None if it is none of the web.

    >>> host_of("https://hooks.example/services/T0/SECRET")
    'https://hooks.example'
    """
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    has_host = parts.scheme in {"http", "https"} and parts.hostname
    return f"{parts.scheme}://{parts.hostname}{port}" if has_host else None


def kept_settings(settings: _Notifying, **changes: Any) -> dict[str, Any]:
    """Return settings as a run's files have them: of an address that is told only the host.

    The rest of it is what lets somebody write there.

    Args:
        settings: As parsed.
        changes: What is kept otherwise than it was parsed.
    """
    return asdict(replace(settings, notify=settings.notify and host_of(settings.notify), **changes))


def notify(
    address: str | None, summary: Mapping[str, Any], *, what: str = "scan", within_s: float = NOTIFY_S
) -> str | None:
    """Send a summary.

    ``text`` says it in a sentence, which is what chats show; everything else of the summary is beside it.

    Args:
        address: As ``check_address`` takes it; nobody is told where there is none.
        summary: As ``summary.json`` has it.
        what: Kind of run: ``scan``, ``preparation`` or ``training``.
        within_s: Time for all tries together.

    Returns:
        None if it arrived or nobody waits, else why not, in a sentence.
    """
    if not address:
        return None
    content = json.dumps({"text": sentence(summary, what=what), **summary}).encode()
    # Only addresses of the web come here.
    request = Request(address, data=content, headers={"Content-Type": "application/json"})  # noqa: S310
    ends_s, said = time.monotonic() + within_s, ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(min(PAUSE_S * 2 ** (attempt - 1), max(0.0, ends_s - time.monotonic())))
        left_s = ends_s - time.monotonic()
        if left_s <= 0:
            break
        try:
            with urlopen(request, timeout=left_s):  # noqa: S310
                return None
        except HTTPError as error:
            said = f"it answered {error.code}"
            if _OURS <= error.code < _THEIRS:
                break
        except (URLError, OSError) as error:
            said = str(getattr(error, "reason", error)) or type(error).__name__
    return f"{host_of(address)} was not told of the end: {said or 'no time was left'}"


def sentence(summary: Mapping[str, Any], *, what: str = "scan") -> str:
    """The end of a run in a sentence."""
    found = [f"{name} {count}" for name, count in summary.get("by_status", {}).items()]
    found += [f"{summary['flagged']} flagged"] if found and summary.get("threshold") is not None else []
    found += [f"test AUC {summary['auc']:.3f}"] if summary.get("auc") is not None else []
    ended = f"{what} {summary.get('run_id')} ended with exit code {summary.get('exit_code')} ({summary.get('reason')})"
    return f"{ended}: {', '.join(found)}" if found else ended
