"""What KubeRay 1.7 refuses in its own code, beyond its schemas, of what could be got wrong here.

From ray-operator/controllers/ray/utils/validation.go of ray-project/kuberay (feeaf72fa); without rules for features
that nothing here uses: fault tolerance of the control store, TLS, history servers, deletion strategies, suspension.
"""

import re
from typing import Any

import yaml
from packaging.version import Version

MOST_OF_CLUSTER = 53
MOST_OF_JOB = MOST_OF_CLUSTER - 6
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_RESOURCES = ("num-cpus", "num-gpus", "memory", "resources")
TOKENS_SINCE, K8S_TOKENS_SINCE = Version("2.52.0"), Version("2.55.0")


def faults(manifest: dict[str, Any]) -> list[str]:
    """What KubeRay would refuse of a RayCluster or RayJob, in words; empty if it takes it."""
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    if manifest["kind"] == "RayCluster":
        return [*_of_name(name, most=MOST_OF_CLUSTER), *_of_cluster(spec)]
    return [*_of_name(name, most=MOST_OF_JOB), *_of_job(spec)]


def _of_name(name: str, *, most: int) -> list[str]:
    found = []
    if len(name) > most:
        found.append(f"name {name} is longer than {most}")
    if not _NAME.fullmatch(name):
        found.append(f"name {name} is no DNS-1035 label")
    return found


def _of_cluster(spec: dict[str, Any]) -> list[str]:
    head, groups = spec["headGroupSpec"], spec.get("workerGroupSpecs", [])
    is_growing = bool(spec.get("enableInTreeAutoscaling"))
    found = _of_group("head", head)
    for group in groups:
        found += _of_group(group["groupName"], group) + _of_replicas(group, is_growing=is_growing)
    return found + _of_autoscaler(spec, is_growing=is_growing) + _of_tokens(spec)


def _of_autoscaler(spec: dict[str, Any], *, is_growing: bool) -> list[str]:
    head, groups, options = spec["headGroupSpec"], spec.get("workerGroupSpecs", []), spec.get("autoscalerOptions", {})
    env = {each["name"]: each.get("value") for one in _containers(head)[:1] for each in one.get("env", [])}
    is_second = is_growing and options.get("version") == "v2"
    policies = {
        group.get("groupName", "head"): group["template"]["spec"].get("restartPolicy") for group in [head, *groups]
    }
    kept = [name for name, policy in policies.items() if policy not in {None, "Never"}]
    by_hand = env.get("RAY_enable_autoscaler_v2")
    broken = {
        f"restartPolicy of {kept} must be Never with autoscaler v2": is_second and kept,
        "RAY_enable_autoscaler_v2 is set without enableInTreeAutoscaling": not is_growing and by_hand in {"1", "true"},
        "RAY_enable_autoscaler_v2 and autoscalerOptions.version are both set": is_growing
        and by_hand
        and "version" in options,
        "a group's idleTimeoutSeconds needs autoscaler v2": not is_second
        and any("idleTimeoutSeconds" in group for group in groups),
        "idleTimeoutSeconds is negative": options.get("idleTimeoutSeconds", 0) < 0,
        "RAY_REDIS_ADDRESS needs gcsFaultToleranceOptions": "RAY_REDIS_ADDRESS" in env,
    }
    return [text for text, is_broken in broken.items() if is_broken]


def _of_tokens(spec: dict[str, Any]) -> list[str]:
    options = spec.get("authOptions", {})
    if options.get("mode") != "token":
        return ["enableK8sTokenAuth needs mode: token"] if options.get("enableK8sTokenAuth") else []
    if not spec.get("rayVersion"):
        return ["authOptions.mode token needs rayVersion"]
    version = Version(spec["rayVersion"])
    found = [f"authOptions.mode token needs Ray {TOKENS_SINCE}"] if version < TOKENS_SINCE else []
    if options.get("enableK8sTokenAuth"):
        if version < K8S_TOKENS_SINCE:
            found.append(f"enableK8sTokenAuth needs Ray {K8S_TOKENS_SINCE}")
        if options.get("secretName"):
            found.append("enableK8sTokenAuth excludes secretName")
    return found


def _of_group(name: str, group: dict[str, Any]) -> list[str]:
    found = [] if _containers(group) else [f"{name}: no container"]
    parameters = group.get("rayStartParams", {})
    if group.get("resources") and any(parameters.get(each) for each in _RESOURCES):
        found.append(f"{name}: resources both in rayStartParams and beside them")
    if "labels" in parameters:
        found.append(f"{name}: labels in rayStartParams")
    for key, value in group.get("labels", {}).items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
            found.append(f"{name}: label {key}={value} is none of Kubernetes")
    return found


def _of_replicas(group: dict[str, Any], *, is_growing: bool) -> list[str]:
    name, least, most = group["groupName"], group.get("minReplicas"), group.get("maxReplicas")
    if least is None or most is None:
        return [] if is_growing else [f"{name}: minReplicas and maxReplicas are needed"]
    if least < 0 or most < least:
        return [f"{name}: minReplicas {least}, maxReplicas {most}"]
    return [f"{name}: suspended with an autoscaler"] if group.get("suspend") and is_growing else []


def _of_job(spec: dict[str, Any]) -> list[str]:
    cluster, selector, mode = spec.get("rayClusterSpec"), spec.get("clusterSelector", {}), spec.get("submissionMode")
    tries, is_kept = spec.get("backoffLimit", 0), not spec.get("shutdownAfterJobFinishes")
    broken = {
        "neither rayClusterSpec nor clusterSelector": cluster is None and not selector,
        "clusterSelector names no ray.io/cluster": selector and not selector.get("ray.io/cluster"),
        "clusterSelector excludes SidecarMode": selector and mode == "SidecarMode",
        "clusterSelector excludes backoffLimit": selector and tries > 0,
        "InteractiveMode excludes backoffLimit": mode == "InteractiveMode" and tries > 0,
        "SidecarMode excludes submitterPodTemplate": mode == "SidecarMode" and "submitterPodTemplate" in spec,
        "ttlSecondsAfterFinished needs shutdownAfterJobFinishes": spec.get("ttlSecondsAfterFinished", 0) and is_kept,
        "backoffLimit is less than 0": tries < 0,
        "ttlSecondsAfterFinished is less than 0": spec.get("ttlSecondsAfterFinished", 0) < 0,
        "activeDeadlineSeconds is less than 1": spec.get("activeDeadlineSeconds", 1) < 1,
        "runtimeEnvYAML is no mapping": not isinstance(yaml.safe_load(spec.get("runtimeEnvYAML", "")), dict | None),
        "a RayJob's cluster excludes enableK8sTokenAuth": (cluster or {})
        .get("authOptions", {})
        .get("enableK8sTokenAuth"),
    }
    return [text for text, is_broken in broken.items() if is_broken] + (_of_cluster(cluster) if cluster else [])


def _containers(group: dict[str, Any]) -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = group["template"]["spec"].get("containers", [])
    return containers
