"""The small renderer says what kustomize says, and refuses what it does not know."""

import shutil
import subprocess

import pytest
import yaml

from tests.cluster.rendered import CLUSTER, OVERLAYS, only, render, rendered, with_component

KUBECTL = shutil.which("kubectl")


def by_name(manifests):
    return {(each["kind"], each["metadata"]["name"]): each for each in manifests}


def as_kustomize(folder):
    done = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return by_name(yaml.safe_load_all(done.stdout))


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl, whose kustomize the renderer is held against")
# A scan on a cluster that is there brings no server.
@pytest.mark.parametrize(
    ("overlay", "with_mlflow"), [(name, False) for name in OVERLAYS] + [(n, True) for n in OVERLAYS if n != "once"]
)
def test_what_is_rendered_here_is_what_kustomize_makes(overlay, with_mlflow, tmp_path):
    folder = with_component(tmp_path, overlay) if with_mlflow else CLUSTER / "overlays" / overlay
    assert by_name(render(folder)) == as_kustomize(folder)


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")
@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "once"])
def test_monitoring_can_be_added_as_the_comment_says(overlay, tmp_path):
    shutil.copytree(CLUSTER, tmp_path / "cluster")
    file = tmp_path / "cluster" / "overlays" / overlay / "kustomization.yaml"
    assert "# - ../../monitoring" in file.read_text()
    file.write_text(file.read_text().replace("# - ../../monitoring", "- ../../monitoring"))
    assert by_name(render(CLUSTER / "overlays" / overlay)).items() <= as_kustomize(file.parent).items()


def write(folder, text, **files):
    for name, content in {"kustomization.yaml": text, **files}.items():
        (folder / name).write_text(content)
    return folder


def test_a_feature_that_is_not_rendered_here_is_refused(tmp_path):
    write(tmp_path, "resources: []\nnamePrefix: a-\n")
    with pytest.raises(AssertionError, match="namePrefix"):
        render(tmp_path)


def test_a_value_that_has_no_place_is_refused(tmp_path):
    text = """
resources: [pod.yaml]
configMapGenerator: [{name: values, envs: [v.env], options: {disableNameSuffixHash: true}}]
replacements:
  - source: {kind: ConfigMap, name: values, fieldPath: data.A}
    targets: [{select: {kind: Pod}, fieldPaths: [spec.nowhere]}]
"""
    pod = "{kind: Pod, metadata: {name: p}, spec: {}}"
    write(tmp_path, text, **{"pod.yaml": pod, "v.env": "A=1\n"})
    with pytest.raises(AssertionError, match="nowhere"):
        render(tmp_path)


def test_a_word_of_a_line_is_replaced_and_its_neighbours_stay(tmp_path):
    text = """
resources: [pod.yaml]
configMapGenerator: [{name: values, envs: [v.env], options: {disableNameSuffixHash: true}}]
replacements:
  - source: {kind: ConfigMap, name: values, fieldPath: data.A}
    targets:
      - select: {kind: Pod, name: p}
        fieldPaths: ["spec.env.[name=LINE].value"]
        options: {delimiter: " ", index: 1}
"""
    pod = "{kind: Pod, metadata: {name: p}, spec: {env: [{name: LINE, value: a b c}, {name: OTHER, value: a b c}]}}"
    write(tmp_path, text, **{"pod.yaml": pod, "v.env": "# comment\nA=x=y z\n"})
    env = only(render(tmp_path), "Pod")["spec"]["env"]
    assert [each["value"] for each in env] == ["a x=y z c", "a b c"]


def test_a_patch_that_expects_something_else_fails_instead_of_removing_it(tmp_path):
    text = """
resources: [pod.yaml]
patches:
  - target: {kind: Pod}
    patch: |-
      - {op: test, path: /spec/groups/0/name, value: score}
      - {op: remove, path: /spec/groups/0}
"""
    write(tmp_path, text, **{"pod.yaml": "{kind: Pod, metadata: {name: p}, spec: {groups: [{name: other}]}}"})
    with pytest.raises(AssertionError, match="score"):
        render(tmp_path)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_place_holder_is_left(overlay):
    values = only(rendered(overlay), "ConfigMap", "gsg-values")["data"]
    left = {"IMAGE", "MLFLOW_IMAGE", "SCHEDULE", "TIME_ZONE", "INPUT", "OUTPUT", "MODEL", "FLAGS", "CLIPS"}
    left |= {"READ_ROLE", "WRITE_ROLE"}

    def texts(node):
        if isinstance(node, dict):
            return [text for each in node.values() for text in texts(each)]
        if isinstance(node, list):
            return [text for each in node for text in texts(each)]
        return [node] if isinstance(node, str) else []

    words = {word for each in rendered(overlay) for text in texts(each) for word in text.split()}
    assert not words & left
    assert values["IMAGE"] in words


def test_every_value_is_used_or_read_by_what_runs():
    """A value that nothing takes would be edited in vain."""
    values = only(rendered("gpu"), "ConfigMap", "gsg-values")["data"]
    replaced = (CLUSTER / "values" / "kustomization.yaml").read_text()
    in_environment = {"MLFLOW_TRACKING_URI", "MLFLOW_ARTIFACTS", "AWS_REGION"}
    assert {name for name in values if f"data.{name}}}" not in replaced} == in_environment


def test_without_gpus_nothing_asks_for_one():
    cluster = only(rendered("cpu-only"), "RayCluster")
    assert [group["groupName"] for group in cluster["spec"]["workerGroupSpecs"]] == ["prepare"]
    env = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "GSG_DEVICE", "value": "cpu"} in env
    assert "nvidia.com/gpu" not in yaml.safe_dump(cluster)
