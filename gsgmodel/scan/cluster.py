"""What is free of a cluster, who holds the rest, and asking its autoscaler for more before the pools are sized.

Ray 2.60 does not tell how far a cluster may grow, so this is found out by asking: one placement group for each core
and GPU that the scan could use. The autoscaler adds nodes for them up to its own bounds, and Ray takes them back by
itself when this driver dies; ``request_resources`` would keep nodes up for good.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ray
from ray._private.state import state as cluster_state
from ray.autoscaler.v2.sdk import get_cluster_status
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group
from ray.util.state import list_actors, list_jobs, list_placement_groups
from ray.util.state.exception import RayStateApiException

from gsgmodel.errors import ConfigError
from gsgmodel.scan.preflight import Machine
from gsgmodel.scan.settings import MOST_ASKED
from gsgmodel.scan.stop import Patience

POLL_S = 1.0
QUIET_S = 15.0
"""An autoscaler that starts nothing for three of its usual rounds, although it is asked, has no more to give."""
RELEASE_S = 10.0
_SHOWN = ("CPU", "GPU")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a scan asks of a cluster."""

    cores: int
    """At most as many are of use."""
    gpus: int
    """At most as many are of use."""
    needs_gpu: bool
    """Whether the scan cannot run without one."""


def num_nodes() -> int:
    """Nodes that are alive and have cores."""
    return sum(1 for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU"))


def free_nodes() -> list[Machine]:
    """What nobody holds of each node that is alive."""
    return [
        Machine(
            cores=float(free.get("CPU", 0.0)),
            memory_bytes=int(free.get("memory", 0)),
            num_gpus=int(free.get("GPU", 0)),
        )
        for free in cluster_state.available_resources_per_node().values()
    ]


def await_room(room: Room, patience: Patience) -> list[Machine]:
    """Ask for what a scan can use, wait until there is all of it or no more to come, and return what is free.

    Args:
        room: What is asked for.
        patience: How long to wait for the first core, and the first GPU where one is needed.

    Returns:
        What is free of each node, once nothing is held for the asking any more.

    Raises:
        ConfigError: If there is no room in time; the message says who holds the cluster.
    """
    until = time.monotonic() + patience.timeout_s
    is_told = False
    autoscaler = _Autoscaler()
    with _Asked(room) as asked:
        while asked.is_pending() and not patience.is_stopped():
            is_settled = autoscaler.is_quiet() and (_has_room(room, asked.held()) or not _may_come(room))
            if is_settled or time.monotonic() >= until:
                break
            if not is_told:
                patience.note(f"waiting up to {patience.timeout_s:.0f} s for {_wanted_text(room)}{_held_text()}")
                is_told = True
            time.sleep(POLL_S)
        held = asked.held()
        is_enough = _has_room(room, held)
        seen = _sum(free_nodes())
    if not is_enough and not patience.is_stopped():
        raise ConfigError(
            f"the cluster has no room for {_wanted_text(room)} within --start-timeout{_held_text()}; accepted: "
            f"{'--device cpu, or ' if room.needs_gpu else ''}a cluster with free resources or an autoscaler"
        )
    return _released({name: seen[name] + held[name] for name in _SHOWN})


class _Asked:
    """Holds what is asked for while its block runs, as far as it is there."""

    def __init__(self, room: Room) -> None:
        bundles = [{"CPU": 1.0}] * min(room.cores, MOST_ASKED) + [{"GPU": 1.0}] * min(room.gpus, MOST_ASKED)
        self._groups = [placement_group([bundle]) for bundle in bundles]

    def __enter__(self) -> "_Asked":
        return self

    def __exit__(self, *_: object) -> None:
        for group in self._groups:
            remove_placement_group(group)

    def is_pending(self) -> bool:
        """Whether some of it is not there."""
        return len(self._created()) < len(self._groups)

    def held(self) -> Counter[str]:
        """Cores and GPUs that are there and held."""
        return Counter(name for bundles in self._created() for bundle in bundles for name in bundle)

    def _created(self) -> list[list[dict[str, float]]]:
        table = placement_group_table()
        mine = [table.get(group.id.hex(), {}) for group in self._groups]
        return [list(each["bundles"].values()) for each in mine if each.get("state") == "CREATED"]


class _Autoscaler:
    """Watches whether the autoscaler still has something in the making."""

    def __init__(self) -> None:
        self._address = ray.get_runtime_context().gcs_address
        self._busy_s = time.monotonic()

    def is_quiet(self) -> bool:
        """Whether nothing is being started and nothing will be; at once where there is no autoscaler."""
        status = get_cluster_status(self._address)
        if status.pending_nodes or status.pending_launches:
            self._busy_s = time.monotonic()
        # The version is 0 for ever where no autoscaler reports its state.
        return not int(status.stats.autoscaler_version or 0) or time.monotonic() - self._busy_s >= QUIET_S


def _has_room(room: Room, held: Mapping[str, float]) -> bool:
    """Whether at least a part of a core, and one GPU where it is needed, is free or held by the asking itself."""
    free = _sum(free_nodes())
    return free["CPU"] + held["CPU"] > 0 and (free["GPU"] + held["GPU"] >= 1 or not room.needs_gpu)


def _sum(nodes: Sequence[Machine]) -> dict[str, float]:
    return {"CPU": sum(node.cores for node in nodes), "GPU": sum(node.num_gpus for node in nodes)}


def _may_come(room: Room) -> bool:
    """Whether waiting may help although no node is being added: others hold what is wanted."""
    name = "GPU" if room.needs_gpu else "CPU"
    return bool(ray.cluster_resources().get(name, 0))


def _released(expected: Mapping[str, float]) -> list[Machine]:
    """What is free once the cluster has noticed that the asking has let go; others may be quicker."""
    until = time.monotonic() + RELEASE_S
    free = free_nodes()
    while any(amount < expected[name] for name, amount in _sum(free).items()) and time.monotonic() < until:
        time.sleep(0.1)
        free = free_nodes()
    return free


def _wanted_text(room: Room) -> str:
    return "a core and a GPU" if room.needs_gpu else "a core"


def _held_text() -> str:
    """Who holds what of the cluster, as the end of a sentence; empty where nobody does."""
    try:
        held = holders()
    except RayStateApiException:
        return ""
    return f" ({'; '.join(f'{who} holds {_amounts(what)}' for who, what in held.items())})" if held else ""


def _amounts(what: dict[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in sorted(what.items()))


def holders() -> dict[str, dict[str, float]]:
    """Cores and GPUs that other jobs' actors and placement groups hold, by job.

    Returns:
        By the id under which a job was submitted, or its own where it was not: amounts by ``CPU`` and ``GPU``.
    """
    ours = ray.get_runtime_context().get_job_id()
    names = {job.job_id: job.submission_id or f"job {job.job_id}" for job in list_jobs(limit=1000) if job.job_id}
    held: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for actor in list_actors(filters=[("state", "=", "ALIVE")], detail=True, limit=10_000):
        # What is in a placement group is counted with the group.
        if actor.job_id != ours and not actor.placement_group_id:
            _add(held[names.get(actor.job_id, f"job {actor.job_id}")], actor.required_resources or {})
    for group in list_placement_groups(filters=[("state", "=", "CREATED")], detail=True, limit=10_000):
        if group.creator_job_id != ours:
            for bundle in group.bundles or []:
                _add(held[names.get(group.creator_job_id, f"job {group.creator_job_id}")], bundle["unit_resources"])
    return {who: dict(what) for who, what in held.items() if what}


def _add(held: dict[str, float], amounts: dict[str, float]) -> None:
    for name in _SHOWN:
        if amounts.get(name):
            held[name] += amounts[name]
