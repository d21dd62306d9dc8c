"""Whether Ray lets in strangers: they could run whatever they like."""

import os
from collections.abc import Callable, Iterator, Mapping

from gsgmodel.doctor.findings import Finding
from gsgmodel.redact import redact
from gsgmodel.scan.authentication import Answer, ask_cluster, is_open_while_scanning
from gsgmodel.scan.submitted import is_joining

_TOKEN = "RAY_AUTH_MODE=token, and the same token on every node and for whoever submits (RAY_AUTH_TOKEN_PATH)"  # noqa: S105


def check_cluster(
    environment: Mapping[str, str] = os.environ, *, ask: Callable[..., Answer] = ask_cluster
) -> Iterator[Finding]:
    """Look at the cluster that scans join, or at the Ray that each of them starts for itself.

    Args:
        environment: Of this process; ``RAY_ADDRESS`` names a cluster.
        ask: Asks it.
    """
    if not is_joining(environment):
        yield _check_own(environment)
        return
    address = environment["RAY_ADDRESS"]
    if "://" in address:
        yield Finding(
            name="ray",
            verdict="warning",
            text=f"RAY_ADDRESS is {redact(address)!r}, by way of a proxy that cannot be asked",
            fix="set it to HOST:PORT of the head, on one of the cluster's nodes",
        )
        return
    yield _check_joined(address, environment, ask)


def _check_own(environment: Mapping[str, str]) -> Finding:
    if is_open_while_scanning(environment):
        return Finding(
            name="ray",
            verdict="unsafe",
            text="RAY_AUTH_MODE switches the token off: while a scan runs whoever has an account on this machine can "
            "run code as this user",
            fix="unset RAY_AUTH_MODE",
        )
    text = "each scan starts its own on this machine, on loopback, with a token and without a dashboard"
    return Finding(name="ray", verdict="ok", text=text)


def _check_joined(address: str, environment: Mapping[str, str], ask: Callable[..., Answer]) -> Finding:
    shown = f"the cluster at {redact(address)}"
    stranger = ask(address, as_stranger=True, environment=environment)
    if stranger is Answer.ANSWERS:
        text = f"{shown} answers without a token: whoever reaches it can run code on its nodes"
        return Finding(name="ray", verdict="unsafe", text=text, fix=f"start it anew with {_TOKEN}")
    if stranger is Answer.SILENT:
        text = f"{shown} does not answer"
        return Finding(
            name="ray", verdict="failed", text=text, fix="start it, or set RAY_ADDRESS to its head's HOST:PORT"
        )
    mine = ask(address, as_stranger=False, environment=environment)
    if mine is Answer.ANSWERS:
        text = f"{shown} takes this environment's token and nothing else; its ports are open to all and rely on it"
        return Finding(name="ray", verdict="ok", text=text)
    text = f"{shown} does not take this environment's token"
    return Finding(name="ray", verdict="failed", text=text, fix=f"set {_TOKEN}")
