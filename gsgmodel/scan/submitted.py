"""What holds on a cluster and in a job that ``ray job submit`` started: which files are there, how long a stop takes.

Apart from what knows Ray, because it is checked before anything heavy is loaded.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from gsgmodel.archive.identity import is_s3, is_uri
from gsgmodel.errors import ConfigError

JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Ray's own variable: the job's metadata and runtime environment, as JSON."""
STOP_WAIT = "RAY_JOB_STOP_WAIT_TIME_S"
"""Read by Ray on the cluster: seconds between a stop's SIGTERM and SIGKILL."""
DEFAULT_STOP_WAIT_S = 3.0
CLOSING_S = 8.0
"""What the end of a run takes after the last video: the proof, its files, Ray's shutdown."""
_SECRETS = ("SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "API_KEY", "CREDENTIAL")
_NO_SECRETS = ("_FILE", "_PATH", "_URI", "_URL", "_MODE")
"""Names that end so say where a secret is, not what it is."""


def is_joining(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a cluster that is running already is to be used: whether ``RAY_ADDRESS`` names one."""
    return environment.get("RAY_ADDRESS", "local") not in {"", "local"}


def submission_id(environment: Mapping[str, str] = os.environ) -> str | None:
    """The id under which this process was submitted as a job of a cluster; None if it was not."""
    given = _job_config(environment).get("metadata", {}).get("job_submission_id")
    return given if isinstance(given, str) else None


def check_submitted(
    inputs: Sequence[str], *, output: str | None, tracking_uri: str | None, environment: Mapping[str, str] = os.environ
) -> None:
    """Refuse what works on a laptop and goes wrong, or loses its results, in a submitted job.

    Args:
        inputs: As given.
        output: As given.
        tracking_uri: MLflow's address as given, or None for the environment's.
        environment: Of this process.

    Raises:
        ConfigError: If a path is relative, MLflow's address is missing, or the job's runtime environment carries a
            credential, which Ray shows to whoever asks for the job.
    """
    if submission_id(environment) is None:
        return
    if output is not None and _is_relative(output):
        raise ConfigError(
            f"--output is {output!r}, which in a submitted job lies in a copy of the working folder that Ray "
            "deletes; accepted: s3://BUCKET/PREFIX, or an absolute path"
        )
    for given in filter(_is_relative, inputs):
        raise ConfigError(
            f"input {given!r} is relative, and a submitted job runs in a copy of the working folder; accepted: "
            "s3://BUCKET/PREFIX, or an absolute path"
        )
    if tracking_uri is None and not environment.get("MLFLOW_TRACKING_URI"):
        raise ConfigError(
            "MLflow's address is missing in a submitted job; accepted: MLFLOW_TRACKING_URI in its environment, "
            "--tracking-uri URI, or --tracking-uri none"
        )
    carried: dict[str, str] = _job_config(environment).get("runtime_env", {}).get("env_vars", {})
    for name in sorted(filter(_is_secret, carried)):
        raise ConfigError(
            f"the job's runtime_env carries {name}, which Ray shows to whoever asks for the job; accepted: credentials "
            "in the nodes' own environment, a role, or a file"
        )


def check_local_inputs(inputs: Sequence[str], *, num_nodes: int) -> None:
    """Refuse files that only one node of several has.

    Args:
        inputs: As given.
        num_nodes: Nodes of the cluster that are alive.

    Raises:
        ConfigError: If an input is local and there are several nodes.
    """
    if num_nodes > 1:
        for given in (each for each in inputs if not is_s3(each)):
            raise ConfigError(
                f"input {given!r} is local, and the cluster has {num_nodes} nodes, which do not share it; accepted: "
                "s3://BUCKET/PREFIX"
            )


def check_local_output(output: str, *, num_nodes: int) -> None:
    """Refuse an output that only one node of several has, where all of them write to it.

    Args:
        output: As given.
        num_nodes: Nodes of the cluster that are alive.

    Raises:
        ConfigError: If it is local and there are several nodes.
    """
    if num_nodes > 1 and not is_s3(output):
        raise ConfigError(
            f"--output {output!r} is local, and the cluster has {num_nodes} nodes, which do not share it; accepted: "
            "s3://BUCKET/PREFIX"
        )


def drain_within(drain_s: float, environment: Mapping[str, str] = os.environ) -> float:
    """How long videos in work may finish after a stop: as set, but in a submitted job within Ray's own patience.

    Args:
        drain_s: As set.
        environment: Of this process.

    Returns:
        Seconds; 0 where Ray kills the job before anything could finish.
    """
    if submission_id(environment) is None:
        return drain_s
    try:
        wait_s = float(environment.get(STOP_WAIT, ""))
    except ValueError:
        wait_s = DEFAULT_STOP_WAIT_S
    return max(0.0, min(drain_s, wait_s - CLOSING_S))


def _job_config(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    config = json.loads(environment.get(JOB_CONFIG) or "{}")
    return config if isinstance(config, dict) else {}


def _is_relative(given: str) -> bool:
    return not is_uri(given) and not given.startswith("/")


def _is_secret(name: str) -> bool:
    upper = name.upper()
    return any(word in upper for word in _SECRETS) and not upper.endswith(_NO_SECRETS)
