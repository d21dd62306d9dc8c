"""Each rule of KubeRay refuses the manifest that breaks it, and ours break none."""

import copy

import pytest

from tests.cluster.rendered import OVERLAYS, only, rendered
from tests.cluster.rules import faults

CLUSTER, TRAINING, ONCE = (
    only(rendered(overlay), kind)
    for overlay, kind in (("gpu", "RayCluster"), ("training", "RayJob"), ("once", "RayJob"))
)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kuberay_takes_what_is_ours(overlay):
    of_ray = [each for each in rendered(overlay) if each["apiVersion"] == "ray.io/v1"]
    assert of_ray
    assert {each["metadata"]["name"]: faults(each) for each in of_ray} == {
        each["metadata"]["name"]: [] for each in of_ray
    }


def changed(manifest, path, value):
    """A copy with one field set, or taken away where the value is None."""
    made = copy.deepcopy(manifest)
    *parents, last = path.split("/")
    holder = made
    for part in parents:
        holder = holder[int(part)] if isinstance(holder, list) else holder.setdefault(part, {})
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return made


POD = "spec/workerGroupSpecs/0/template/spec"
HEAD = "spec/headGroupSpec"
ENV = f"{HEAD}/template/spec/containers/0/env"


@pytest.mark.parametrize(
    ("manifest", "path", "value", "said"),
    [
        (CLUSTER, "metadata/name", "g" * 54, "longer than 53"),
        (CLUSTER, "metadata/name", "1-night", "DNS-1035"),
        (CLUSTER, "spec/rayVersion", None, "needs rayVersion"),
        (CLUSTER, "spec/rayVersion", "2.51.0", "needs Ray 2.52.0"),
        (CLUSTER, "spec/authOptions", {"enableK8sTokenAuth": True}, "needs mode"),
        (CLUSTER, f"{POD}/restartPolicy", "Always", "restartPolicy"),
        (CLUSTER, f"{HEAD}/template/spec/restartPolicy", "OnFailure", "restartPolicy"),
        (CLUSTER, f"{HEAD}/template/spec/containers", [], "no container"),
        (CLUSTER, f"{HEAD}/resources", {"CPU": "1"}, "both in rayStartParams"),
        (CLUSTER, f"{HEAD}/rayStartParams/labels", "a=b", "labels in rayStartParams"),
        (CLUSTER, "spec/workerGroupSpecs/0/labels", {"-bad": "x"}, "label -bad"),
        (CLUSTER, "spec/workerGroupSpecs/0/labels", {"a": "two words"}, "label a"),
        (CLUSTER, "spec/workerGroupSpecs/0/maxReplicas", -1, "maxReplicas -1"),
        (CLUSTER, "spec/workerGroupSpecs/0/suspend", True, "suspended"),
        (CLUSTER, ENV, [{"name": "RAY_enable_autoscaler_v2", "value": "1"}], "both set"),
        (CLUSTER, ENV, [{"name": "RAY_REDIS_ADDRESS", "value": "r"}], "gcsFaultTolerance"),
        (CLUSTER, "spec/autoscalerOptions/idleTimeoutSeconds", -1, "negative"),
        (TRAINING, "metadata/name", "g" * 48, "longer than 47"),
        (TRAINING, "spec/shutdownAfterJobFinishes", False, "needs shutdownAfterJobFinishes"),
        (TRAINING, "spec/rayClusterSpec", None, "neither"),
        (TRAINING, "spec/backoffLimit", -1, "backoffLimit"),
        (TRAINING, "spec/activeDeadlineSeconds", 0, "activeDeadlineSeconds"),
        (TRAINING, "spec/runtimeEnvYAML", "just words", "runtimeEnvYAML"),
        (TRAINING, "spec/submissionMode", "SidecarMode", "submitterPodTemplate"),
        (TRAINING, "spec/rayClusterSpec/authOptions/enableK8sTokenAuth", True, "excludes enableK8sTokenAuth"),
        (TRAINING, "spec/rayClusterSpec/rayVersion", "2.50.0", "needs Ray"),
        (ONCE, "spec/clusterSelector", {"ray.io/name": "x"}, "no ray.io/cluster"),
        (ONCE, "spec/submissionMode", "SidecarMode", "excludes SidecarMode"),
        (ONCE, "spec/backoffLimit", 1, "excludes backoffLimit"),
        (ONCE, "spec/ttlSecondsAfterFinished", 60, "needs shutdownAfterJobFinishes"),
    ],
)
def test_what_breaks_a_rule_is_refused(manifest, path, value, said):
    found = faults(changed(manifest, path, value))
    assert any(said in each for each in found), found


def test_replicas_are_needed_where_nothing_grows():
    fixed = changed(
        changed(CLUSTER, "spec/enableInTreeAutoscaling", False), "spec/workerGroupSpecs/0/minReplicas", None
    )
    assert "prepare: minReplicas and maxReplicas are needed" in faults(fixed)


def test_a_timeout_of_one_group_needs_the_second_autoscaler():
    first = changed(CLUSTER, "spec/autoscalerOptions/version", "v1")
    assert any(
        "autoscaler v2" in each for each in faults(changed(first, "spec/workerGroupSpecs/0/idleTimeoutSeconds", 9))
    )
