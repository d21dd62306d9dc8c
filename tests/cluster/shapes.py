"""What the groups of a cluster are to Ray: by Ray's own code, as its autoscaler reads a RayCluster."""

from collections.abc import Mapping
from typing import Any

from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
from ray.autoscaler.v2.utils import ResourceRequestUtil
from ray.core.generated.autoscaler_pb2 import GangResourceRequest

from gsgmodel.scan.preflight import Machine

GIB = 1 << 30
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def config_of(cluster: dict[str, Any]) -> AutoscalingConfig:
    """What Ray's autoscaler makes of a RayCluster."""
    return AutoscalingConfig(_derive_autoscaling_config_from_ray_cr(cluster), skip_content_hash=True)


def cluster_of(job: dict[str, Any]) -> dict[str, Any]:
    """The RayCluster that KubeRay makes for a RayJob."""
    return {"kind": "RayCluster", "metadata": {**job["metadata"]}, "spec": job["spec"]["rayClusterSpec"]}


def machine_of(resources: Mapping[str, float]) -> Machine:
    """A node as the preflight sees it while nobody holds anything of it."""
    return Machine(
        cores=float(resources["CPU"]),
        memory_bytes=int(resources.get("memory", 0)),
        num_gpus=int(resources.get("GPU", 0)),
    )


def machines_of(cluster: dict[str, Any]) -> dict[str, Machine]:
    """By group, the head's ``headgroup`` among them."""
    groups = config_of(cluster).get_config("available_node_types")
    return {name: machine_of(group["resources"]) for name, group in groups.items()}


def launched(config: AutoscalingConfig, *, cores: int, gpus: int) -> dict[str, int]:
    """Nodes by group that the autoscaler starts, from none, for what a job asks: one bundle for each core and GPU."""
    asked = [{"CPU": 1.0}] * cores + [{"GPU": 1.0}] * gpus
    reply = ResourceDemandScheduler(None).schedule(
        SchedulingRequest(
            disable_launch_config_check=True,
            node_type_configs=config.get_node_type_configs(),
            max_num_nodes=config.get_max_num_worker_nodes(),
            idle_timeout_s=config.get_idle_timeout_s(),
            gang_resource_requests=[GangResourceRequest(requests=[ResourceRequestUtil.make(each)]) for each in asked],
        )
    )
    return {each.instance_type: each.count for each in reply.to_launch}


def to_bytes(quantity: str) -> int:
    """A quantity of memory of Kubernetes, of those with two letters behind the number."""
    return int(quantity[:-2]) * UNITS[quantity[-2:]]
