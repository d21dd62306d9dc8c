"""What holds of every pod: who it is, what it may, where it writes, whom it talks to, what it is told."""

import re

import pytest

from gsgmodel.scan.submitted import CLOSING_S, STOP_WAIT, drain_within
from tests.cluster.pods import containers_of, pods_of
from tests.cluster.rendered import CLUSTER, OVERLAYS, only, rendered

ROOT = CLUSTER.parent
WITH_MLFLOW = [(name, name != "once") for name in OVERLAYS]
DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
RESTRICTED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI", "ephemeral", "csi"}


@pytest.fixture(params=WITH_MLFLOW, ids=[name for name, _ in WITH_MLFLOW])
def manifests(request):
    overlay, with_mlflow = request.param
    return rendered(overlay, with_mlflow=with_mlflow)


def test_no_pod_has_a_privilege(manifests):
    """As the namespace's own policy (restricted) demands: a pod that has less to lose is refused otherwise."""
    for where, pod in pods_of(manifests):
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True, where
        assert context["runAsUser"] > 0, where
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod["spec"].keys(), where
        for volume in pod["spec"].get("volumes", []):
            assert volume.keys() - {"name"} <= RESTRICTED_VOLUMES, where
    for where, container in containers_of(manifests):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, where
        assert context["capabilities"] == {"drop": ["ALL"]}, where
        assert not {"privileged", "runAsUser"} & context.keys(), where
        assert not any("hostPort" in port for port in container.get("ports", [])), where


def test_every_container_writes_to_volumes_alone(manifests):
    for where, container in containers_of(manifests):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, where
        mounted = {each["mountPath"] for each in container["volumeMounts"]}
        assert "/tmp" in mounted, where
        if " ray-" in where:
            assert "/dev/shm" in mounted, where


def test_every_mount_has_its_volume(manifests):
    for where, pod in pods_of(manifests):
        names = {each["name"] for each in pod["spec"].get("volumes", [])}
        # Kubernetes makes those of a StatefulSet's claims.
        names |= {"data"} if where.startswith("StatefulSet") else set()
        for container in pod["spec"]["containers"]:
            assert {each["name"] for each in container["volumeMounts"]} <= names, where


def test_every_container_has_bounds(manifests):
    for where, container in containers_of(manifests):
        resources = container["resources"]
        assert {"cpu", "memory"} <= resources["requests"].keys(), where
        assert "memory" in resources["limits"], where


def test_an_image_is_ours_or_pinned_by_digest(manifests):
    values = only(manifests, "ConfigMap", "gsg-values")["data"]
    ours = {values["IMAGE"], values["MLFLOW_IMAGE"]}
    for where, pod in pods_of(manifests):
        for container in pod["spec"]["containers"]:
            image = container["image"]
            assert image in ours or DIGEST.fullmatch(image), f"{where}: {image}"


def test_accounts_exist_and_only_who_asks_kubernetes_has_its_token(manifests):
    accounts = {each["metadata"]["name"] for each in [*manifests, *rendered("gpu")] if each["kind"] == "ServiceAccount"}
    assert accounts == {"gsg-read", "gsg-write", "gsg-submit"}
    for where, pod in pods_of(manifests):
        spec = pod["spec"]
        if "mlflow-database" not in where:
            assert spec["serviceAccountName"] in accounts, where
        # The autoscaler beside a head is the only one.
        assert spec["automountServiceAccountToken"] is where.endswith("headGroupSpec/template"), where


def test_who_opens_videos_cannot_write_results():
    cluster = only(rendered("gpu"), "RayCluster")
    for group in cluster["spec"]["workerGroupSpecs"]:
        spec = group["template"]["spec"]
        assert spec["serviceAccountName"] == "gsg-read"
        assert [each["secretRef"]["name"] for each in spec["containers"][0]["envFrom"] if "secretRef" in each] == [
            "gsg-read"
        ]
    assert cluster["spec"]["headGroupSpec"]["template"]["spec"]["serviceAccountName"] == "gsg-write"
    roles = {
        each["metadata"]["name"]: each["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        for each in rendered("gpu")
        if each["kind"] == "ServiceAccount" and "annotations" in each["metadata"]
    }
    values = only(rendered("gpu"), "ConfigMap", "gsg-values")["data"]
    assert roles == {"gsg-read": values["READ_ROLE"], "gsg-write": values["WRITE_ROLE"]}
    assert values["READ_ROLE"] != values["WRITE_ROLE"]


def test_no_role_reads_secrets_or_takes_everything():
    for role in (each for each in rendered("gpu") if each["kind"] == "Role"):
        for rule in role["rules"]:
            assert not {"secrets", "*", "pods/exec"} & {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}


def test_secrets_come_by_reference(manifests):
    assert not any(each["kind"] == "Secret" for each in manifests)
    for where, container in containers_of(manifests):
        for each in container.get("env", []):
            if re.search("TOKEN|PASSWORD|SECRET|KEY", each["name"]):
                assert set(each["valueFrom"]["secretKeyRef"]) == {"name", "key"}, where
    values = only(manifests, "ConfigMap", "gsg-values")["data"]
    assert not any(re.search("TOKEN|PASSWORD|SECRET|KEY", name) for name in values)


def test_every_cluster_has_a_token():
    of_ray = [each["spec"] for name in OVERLAYS for each in rendered(name) if each["apiVersion"] == "ray.io/v1"]
    clusters = [spec.get("rayClusterSpec", spec) for spec in of_ray if "clusterSelector" not in spec]
    assert len(clusters) == 4
    assert all(spec["authOptions"] == {"mode": "token"} for spec in clusters)


def test_who_submits_has_the_token_that_kuberay_made_for_that_cluster():
    manifests = rendered("gpu")
    cluster = only(manifests, "RayCluster")["metadata"]["name"]
    _, submitter = next(each for each in containers_of(manifests) if each[0].startswith("CronJob"))
    env = {each["name"]: each for each in submitter["env"]}
    assert env["RAY_AUTH_MODE"]["value"] == "token"
    assert env["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": cluster, "key": "auth_token"}
    assert env["RAY_API_SERVER_ADDRESS"]["value"] == f"http://{cluster}-head-svc:8265"


def test_the_version_of_ray_is_the_one_that_is_installed():
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)[1]
    assert only(rendered("gpu"), "RayCluster")["spec"]["rayVersion"] == pinned
    for overlay in ("training", "clips"):
        assert only(rendered(overlay), "RayJob")["spec"]["rayClusterSpec"]["rayVersion"] == pinned


def test_a_stop_has_time_to_drain_and_a_heads_end_waits_for_it():
    heads = [
        pod
        for overlay in ("gpu", "training", "clips")
        for where, pod in pods_of(rendered(overlay))
        if "headGroup" in where
    ]
    assert len(heads) == 3
    for head in heads:
        container = head["spec"]["containers"][0]
        env = {each["name"]: each.get("value") for each in container["env"]}
        submitted = {"RAY_JOB_CONFIG_JSON_ENV_VAR": '{"metadata": {"job_submission_id": "x"}}', **env}
        # The whole of the scan's own drain, within what Ray waits.
        assert drain_within(60.0, submitted) == 60.0
        wait_s = float(env[STOP_WAIT])
        hook = container["lifecycle"]["preStop"]["exec"]["command"]
        assert wait_s + CLOSING_S < float(hook[hook.index("--within-s") + 1])
        assert float(hook[hook.index("--within-s") + 1]) + 30 < head["spec"]["terminationGracePeriodSeconds"]


def test_variables_of_settings_name_settings():
    """A GSG_ variable is read by whatever job runs there, so it must be one and be meant for all."""
    import dataclasses

    from gsgmodel.scan.settings import ScanSettings
    from gsgmodel.training.settings import TrainSettings

    known = {field.name for each in (ScanSettings, TrainSettings) for field in dataclasses.fields(each)}
    names = {
        name
        for overlay in OVERLAYS
        for _, container in containers_of(rendered(overlay))
        for name in [each["name"] for each in container.get("env", [])]
        if name.startswith("GSG_")
    }
    assert names == {"GSG_DEVICE"}
    assert {name.removeprefix("GSG_").lower() for name in names} <= known
    assert not any(name.startswith("GSG_") for name in only(rendered("gpu"), "ConfigMap", "gsg-values")["data"])


def test_a_night_is_one_scan_and_never_two_at_once():
    cron = only(rendered("gpu"), "CronJob")["spec"]
    assert cron["concurrencyPolicy"] == "Forbid"
    job = cron["jobTemplate"]["spec"]
    assert job["activeDeadlineSeconds"] < 24 * 3600
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    never_again = job["podFailurePolicy"]["rules"][1]["onExitCodes"]
    # Of the README's table of exit codes: what another try would say again. 1 is worth one.
    assert never_again["values"] == [2, 3, 4, 5, 143]
    assert never_again["containerName"] == job["template"]["spec"]["containers"][0]["name"]
