"""Who may talk to whom, worked out from the policies as Kubernetes does: allowed is what either side's rules allow."""

import ipaddress

import pytest

from tests.cluster.pods import pods_of
from tests.cluster.rendered import OVERLAYS, rendered

KUBE_SYSTEM = {"kubernetes.io/metadata.name": "kube-system"}
MONITORING = {"kubernetes.io/metadata.name": "monitoring"}
ELSEWHERE = {"kubernetes.io/metadata.name": "elsewhere"}
OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
RAY, SUBMITTER, MLFLOW, DATABASE, OTHER = (
    {"app.kubernetes.io/component": name} for name in ("ray", "submitter", "mlflow", "mlflow-database", "other")
)
METADATA = "169.254.169.254"


@pytest.fixture(scope="module")
def policies():
    made = rendered("gpu", with_mlflow=True)
    return [each["spec"] for each in made if each["kind"] == "NetworkPolicy"]


def matches(selector, labels):
    assert selector.keys() <= {"matchLabels"}
    return selector.get("matchLabels", {}).items() <= labels.items()


def is_peer(peer, labels, namespace):
    """Whether a pod is meant; None for its namespace is that of the policy."""
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        inside = namespace is not None and matches(peer["namespaceSelector"], namespace)
    else:
        inside = namespace is None
    return inside and matches(peer.get("podSelector", {}), labels)


def has_port(rule, port):
    return "ports" not in rule or any(each["port"] == port for each in rule["ports"])


def allows(policies, labels, direction, port, *, peer=None, namespace=None, address=None):
    """Whether a pod of the namespace may be talked to by a peer, or may talk to it."""
    mine = [each for each in policies if direction in each["policyTypes"] and matches(each["podSelector"], labels)]
    side = "from" if direction == "Ingress" else "to"
    for rule in (rule for each in mine for rule in each.get(direction.lower(), [])):
        if not has_port(rule, port):
            continue
        for each in rule[side]:
            if peer is not None and is_peer(each, peer, namespace):
                return True
            if address is not None and "ipBlock" in each and is_within(address, each["ipBlock"]):
                return True
    return not mine


def is_within(address, block):
    here = ipaddress.ip_address(address)
    return here in ipaddress.ip_network(block["cidr"]) and not any(
        here in ipaddress.ip_network(each) for each in block.get("except", [])
    )


def connects(policies, source, target, port):
    """Between two pods of the namespace both sides must allow it."""
    out = allows(policies, source, "Egress", port, peer=target)
    return out and allows(policies, target, "Ingress", port, peer=source)


@pytest.mark.parametrize(
    ("source", "target", "port", "expected"),
    [
        (RAY, RAY, 6379, True),
        (RAY, RAY, 45678, True),
        (SUBMITTER, RAY, 8265, True),
        (SUBMITTER, RAY, 6379, False),
        (RAY, MLFLOW, 5000, True),
        (SUBMITTER, MLFLOW, 5000, False),
        (MLFLOW, DATABASE, 5432, True),
        (RAY, DATABASE, 5432, False),
        (OTHER, RAY, 8265, False),
        (OTHER, MLFLOW, 5000, False),
        (MLFLOW, RAY, 6379, False),
    ],
)
def test_pods_reach_what_they_need_and_nothing_else(policies, source, target, port, expected):
    assert connects(policies, source, target, port) is expected


@pytest.mark.parametrize(
    ("peer", "namespace", "port", "expected"),
    [
        (OPERATOR, ELSEWHERE, 8265, True),
        (OPERATOR, ELSEWHERE, 6379, False),
        (OTHER, ELSEWHERE, 8265, False),
        (RAY, ELSEWHERE, 6379, False),
        (OTHER, MONITORING, 8080, True),
        (OTHER, MONITORING, 44217, True),
        (OTHER, MONITORING, 8265, False),
    ],
)
def test_other_namespaces_reach_ray_where_they_must(policies, peer, namespace, port, expected):
    assert allows(policies, RAY, "Ingress", port, peer=peer, namespace=namespace) is expected


@pytest.mark.parametrize("labels", [RAY, SUBMITTER, MLFLOW, DATABASE], ids=str)
def test_everybody_may_ask_for_names(policies, labels):
    assert allows(policies, labels, "Egress", 53, peer=OTHER, namespace=KUBE_SYSTEM)
    assert not allows(policies, labels, "Egress", 53, peer=OTHER, namespace=ELSEWHERE)


@pytest.mark.parametrize(
    ("labels", "address", "port", "expected"),
    [
        (RAY, "52.95.110.1", 443, True),
        (RAY, "2a05:d050::1", 443, True),
        (RAY, "10.0.0.1", 6443, True),
        (RAY, "52.95.110.1", 80, False),
        (RAY, METADATA, 443, False),
        (RAY, METADATA, 80, False),
        (RAY, "fd00:ec2::254", 443, False),
        (MLFLOW, "52.95.110.1", 443, True),
        (MLFLOW, METADATA, 443, False),
        (SUBMITTER, "52.95.110.1", 443, False),
        (DATABASE, "52.95.110.1", 443, False),
    ],
)
def test_stores_are_reached_and_a_nodes_own_credentials_are_not(policies, labels, address, port, expected):
    assert allows(policies, labels, "Egress", port, address=address) is expected


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_has_a_place_in_the_policies(overlay):
    components = {"ray", "submitter", "mlflow", "mlflow-database"}
    for where, pod in pods_of(rendered(overlay, with_mlflow=overlay != "once")):
        assert pod["metadata"]["labels"]["app.kubernetes.io/component"] in components, where


def test_services_choose_pods_that_are_there():
    manifests = rendered("gpu", with_mlflow=True)
    labels = [pod["metadata"]["labels"] for _, pod in pods_of(manifests)]
    for service in (each for each in manifests if each["kind"] == "Service"):
        assert any(service["spec"]["selector"].items() <= each.items() for each in labels), service["metadata"]["name"]
