"""What Ray reads from the environment while it is imported: set before anything of this room or training imports it."""

import os

from gsgmodel.scan.submitted import is_joining

_DEFAULTS = {
    # Ray's native part reports as errors what this use of it makes harmless.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Without it a thread that asks Ray for something after its shutdown starts a second Ray.
    "RAY_ENABLE_AUTO_CONNECT": "0",
}
_OWN_DEFAULTS = {
    # Events of tasks are for a dashboard: Ray keeps 14 kB a video of them, without an end that matters here.
    "RAY_task_events_report_interval_ms": "0",
    # As Ray has it on macOS and Windows: all of its servers, those of metrics too, listen on loopback and nowhere else.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Where Ray is this process's own, not a cluster that is there already."""


def set_defaults() -> None:
    """Set what the environment does not."""
    for name, value in (_DEFAULTS if is_joining() else _DEFAULTS | _OWN_DEFAULTS).items():
        os.environ.setdefault(name, value)
