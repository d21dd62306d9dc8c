"""A Ray cluster on this machine as a platform team runs one: nodes with folders of their own, tokens, a job server."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.servers import answers, free_port

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
TOKEN = "0123456789abcdef" * 4
OBJECT_STORE_BYTES = 300 << 20
STOP_WAIT_S = 40
STARTS = 3


@dataclass
class RayCluster:
    """A head and more nodes, which jobs are submitted to."""

    job_server: str
    address: str
    """Of the head, for ``RAY_ADDRESS``."""
    environment: dict[str, str]
    """Of a client that may submit."""
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """The head first."""

    def submit(
        self,
        *args: object,
        options: Sequence[str] = (),
        job: str = "score",
        folder: Path = ROOT,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start ``ray job submit --working-dir . -- python jobs/JOB.py ARGS`` in a folder."""
        command = [str(BIN / "ray"), "job", "submit", "--address", self.job_server, "--working-dir", ".", *options]
        return subprocess.Popen(
            [*command, "--", "python", f"jobs/{job}.py", *map(str, args)],
            cwd=folder,
            env=self.environment if env is None else dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run ``ray job ARGS`` to its end."""
        command = [str(BIN / "ray"), "job", args[0], "--address", self.job_server, *args[1:]]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=120)

    def stop(self, submission_id: str) -> bool:
        """Ask for a job to be stopped as ``ray job stop`` does, but at once: that command starts for seconds."""
        request = urllib.request.Request(
            f"{self.job_server}/api/jobs/{submission_id}/stop",
            method="POST",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            stopped: bool = json.load(answer)["stopped"]
        return stopped

    def kill_node(self, index: int) -> None:
        """Take a node away as a lost machine is: all of its processes at once."""
        family = [
            psutil.Process(self.nodes[index].pid),
            *psutil.Process(self.nodes[index].pid).children(recursive=True),
        ]
        for process in family:
            process.send_signal(signal.SIGKILL)


@contextmanager
def serving_ray(folder: Path, *, cores: Sequence[int], env: Mapping[str, str]) -> Iterator[RayCluster]:
    """Run a cluster with token authentication until the block ends.

    Args:
        folder: Empty; gets a working folder for each node.
        cores: Of each node, the head first.
        env: What the nodes' own environment holds besides: credentials, addresses.
    """
    port, dashboard = free_port(), free_port()
    secure = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_", "MLFLOW_"))}
    # The nodes find the interpreter as an image would: by its name.
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {**inherited, **secure, **env, "PATH": path, "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S)}
    of_ray = {name: value for name, value in env.items() if name.startswith("RAY_")}
    cluster = RayCluster(
        f"http://127.0.0.1:{dashboard}", f"127.0.0.1:{port}", {**inherited, **secure, **of_ray, "PATH": path}
    )
    with ExitStack() as stack:
        for index, number in enumerate(cores):
            place = folder / f"node-{index}"
            place.mkdir()
            where = (
                ["--head", f"--port={port}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={free_port()}"]
                if index == 0
                else [f"--address=127.0.0.1:{port}"]
            )
            command = [
                *(str(BIN / "ray"), "start", "--block", *where, f"--num-cpus={number}", f"--temp-dir={place}"),
                *(f"--object-store-memory={OBJECT_STORE_BYTES}", f"--dashboard-agent-listen-port={free_port()}"),
            ]
            start = partial(_start, command, place, environment, stack)
            is_up = partial(_is_up, cluster, index + 1) if index else partial(answers, cluster.job_server)
            cluster.nodes.append(_started(start, is_up, place / "ray.log"))
        yield cluster


def _is_up(cluster: RayCluster, num_nodes: int) -> bool:
    """Whether so many nodes are there."""
    nodes = [str(BIN / "ray"), "list", "nodes", "--address", cluster.job_server, "--filter", "state=ALIVE"]
    listed = subprocess.run(nodes, env=cluster.environment, capture_output=True, text=True, check=False)
    return f"Total: {num_nodes}" in listed.stdout


def _start(
    command: Sequence[str], place: Path, environment: Mapping[str, str], stack: ExitStack
) -> subprocess.Popen[bytes]:
    log = stack.enter_context((place / "ray.log").open("wb"))
    node = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log, start_new_session=True)
    stack.callback(_end, node)
    return node


def _started(
    start: Callable[[], subprocess.Popen[bytes]], is_up: Callable[[], bool], log: Path
) -> subprocess.Popen[bytes]:
    """A node that is up; one that Ray gave 30 s, which a busy machine may not have, is started again."""
    for attempt in range(1, STARTS + 1):
        node, until = start(), time.monotonic() + 90
        while not (up := is_up()) and node.poll() is None and time.monotonic() < until:
            time.sleep(0.3)
        if up:
            return node
        text = log.read_text(errors="replace")
        if attempt == STARTS or "timed out during startup" not in text:
            break
    pytest.fail(f"a node of the cluster does not start: {text[-2000:]}")


def _end(node: subprocess.Popen[bytes]) -> None:
    # Not by its signal to stop, which takes a node ten seconds and more.
    family = psutil.Process(node.pid).children(recursive=True) if node.poll() is None else []
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    node.kill()
    node.wait()


def have_token() -> None:
    """Tokens as in a Ray of our own, for nodes that this process starts: it keeps the mode of the first Ray it had."""
    from ray._private.authentication import authentication_token_setup as setup

    setup.enable_token_auth_by_default()
    setup.ensure_token_if_auth_enabled(create_token_if_missing=True)
