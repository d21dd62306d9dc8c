"""Every manifest is valid, and a misspelled or misplaced field in any of them is not."""

import copy

import pytest

from tests.cluster import schemas
from tests.cluster.rendered import CLUSTER, OVERLAYS, only, rendered


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kuberays_kinds_are_valid(overlay):
    for manifest in rendered(overlay):
        if manifest["kind"] in schemas.OF_KUBERAY:
            schemas.check(manifest)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_kinds_of_kubernetes_are_valid(overlay):
    for manifest in rendered(overlay, with_mlflow=overlay != "once"):
        if manifest["kind"] not in schemas.OF_KUBERAY:
            schemas.check(manifest)


def walk(node, path=()):
    if isinstance(node, dict):
        yield path
        for key, each in node.items():
            yield from walk(each, (*path, key))
    elif isinstance(node, list):
        for index, each in enumerate(node):
            yield from walk(each, (*path, index))


FREE = {
    "labels",
    "annotations",
    "matchLabels",
    "rayStartParams",
    "data",
    "metadata",
    "requests",
    "limits",
    "clusterSelector",
}
"""Maps that take any name, and what the API server looks at."""
STRUCTURED = {
    "RayCluster": "gpu",
    "RayJob": "training",
    "CronJob": "gpu",
    "NetworkPolicy": "gpu",
    "StatefulSet": "training",
    "Deployment": "training",
}


@pytest.mark.parametrize("kind", STRUCTURED)
def test_a_field_that_does_not_exist_is_refused_wherever_it_stands(kind):
    manifests = rendered(STRUCTURED[kind], with_mlflow=True)
    manifest = next(each for each in manifests if each["kind"] == kind)
    schemas.check(manifest)
    places = [path for path in walk(manifest) if not FREE.intersection(path)]
    if kind in schemas.OF_KUBERAY:
        # These are large: one place of each name and depth.
        places = list({(len(path), *map(str, path[-2:])): path for path in places}.values())[:40]
    assert len(places) > 5
    for path in places:
        broken = copy.deepcopy(manifest)
        holder = broken
        for part in path:
            holder = holder[part]
        holder["noSuchField"] = 1
        with pytest.raises(Exception, match="noSuchField"):
            schemas.check(broken)


def test_a_number_where_a_text_belongs_is_refused():
    cluster = copy.deepcopy(only(rendered("gpu"), "RayCluster"))
    cluster["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0
    with pytest.raises(Exception, match="0 is not of type 'string'"):
        schemas.check(cluster)


def test_strictness_spares_what_takes_any_field_and_what_is_a_number_or_a_text():
    made = schemas.strict(
        {
            "type": "object",
            "properties": {
                "free": {"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
                "port": {"x-kubernetes-int-or-string": True},
                "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"b": {}}}},
            },
        }
    )
    assert made["additionalProperties"] is False
    assert "additionalProperties" not in made["properties"]["free"]
    assert made["properties"]["port"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert made["properties"]["map"]["additionalProperties"]["additionalProperties"] is False


def test_every_file_of_manifests_is_rendered_by_an_overlay_or_the_component():
    used = {path for overlay in OVERLAYS for path in files_of(CLUSTER / "overlays" / overlay)}
    used |= files_of(CLUSTER / "components" / "mlflow")
    on_disk = {path for part in ("base", "components") for path in (CLUSTER / part).rglob("*.yaml")}
    assert on_disk - used == set()


def files_of(folder):
    import yaml

    file = folder / "kustomization.yaml"
    found = {file}
    settings = yaml.safe_load(file.read_text())
    for name in settings.get("resources", []) + settings.get("components", []):
        path = (folder / name).resolve()
        found |= files_of(path) if path.is_dir() else {path}
    return found
