"""Whether a cluster of Ray lets in whoever reaches it.

A cluster's ports (control store, raylets, workers) listen on every address of a node, whatever is set; only the token
keeps others from running code there. So a cluster is asked, once as a stranger and once with this environment's token.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum

MODE = "RAY_AUTH_MODE"
"""Ray's own variable: ``token`` or ``disabled``. Unset, a Ray that is started for a scan has a token."""
_OF_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", MODE)
_PATIENCE_S = 60.0
# In a process of its own: Ray reads how to authenticate once, when it is loaded.
_CODE = """
import sys
from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
from ray._private.services import canonicalize_bootstrap_address
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError, RaySystemError, RpcError
maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
try:
    GcsClient(address=canonicalize_bootstrap_address(sys.argv[1])).internal_kv_get(b"asked", namespace=None, timeout=5)
except AuthenticationError:
    print("refuses")
except (ConnectionError, RuntimeError, ValueError, RaySystemError, RpcError):
    print("silent")
else:
    print("answers")
"""


class Answer(StrEnum):
    """What a cluster does when it is asked for something."""

    ANSWERS = "answers"
    REFUSES = "refuses"
    SILENT = "silent"


def ask_cluster(
    address: str, *, as_stranger: bool, environment: Mapping[str, str] = os.environ, patience_s: float = _PATIENCE_S
) -> Answer:
    """Ask a cluster for a value of its control store.

    Args:
        address: ``HOST:PORT`` of its head, or ``auto`` for the one that runs on this machine.
        as_stranger: Without the token that this environment may have.
        environment: Of this process.
        patience_s: How long to wait in all.
    """
    env = dict(environment)
    if as_stranger:
        env = {name: value for name, value in env.items() if name not in _OF_TOKENS}
        # A token may lie in the home folder too.
        env |= {MODE: "disabled", "HOME": os.devnull}
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", _CODE, address],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience_s,
        )
    except subprocess.TimeoutExpired:
        return Answer.SILENT
    said = done.stdout.split()
    return Answer(said[-1]) if said and said[-1] in set(Answer) else Answer.SILENT


def is_open_while_scanning(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a Ray that is started for a scan would let anybody in: it has a token unless that is switched off."""
    return environment.get(MODE, "token").lower() != "token"
