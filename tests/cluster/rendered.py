"""What kustomize makes of cluster/, for machines without it: the few features that are used there, others are refused.

Where ``kubectl`` is installed, test_rendered.py holds both against each other.
"""

import copy
import functools
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CLUSTER = Path(__file__).resolve().parents[2] / "cluster"
OVERLAYS = sorted(path.name for path in (CLUSTER / "overlays").iterdir())
KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "patches", "configMapGenerator", "replacements"}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOT_NAMESPACED = {"Namespace"}
Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """The manifests of a folder with a kustomization."""
    return _accumulate(folder, [])


def rendered(overlay: str, *, with_mlflow: bool = False) -> list[Manifest]:
    """The manifests of an overlay of cluster/, with the optional component if wanted."""
    return copy.deepcopy(_rendered(overlay, with_mlflow))


@functools.cache
def _rendered(overlay: str, with_mlflow: bool) -> list[Manifest]:
    if not with_mlflow:
        return render(CLUSTER / "overlays" / overlay)
    with tempfile.TemporaryDirectory() as folder:
        return render(with_component(Path(folder), overlay))


def with_component(tmp_path: Path, overlay: str) -> Path:
    """A copy of an overlay that takes the optional component, as its comment says."""
    copied = tmp_path / "cluster"
    shutil.copytree(CLUSTER, copied, dirs_exist_ok=True)
    file = copied / "overlays" / overlay / "kustomization.yaml"
    text = file.read_text()
    assert "# - ../../components/mlflow" in text
    file.write_text(text.replace("# - ../../components/mlflow", "- ../../components/mlflow"))
    return file.parent


def only(manifests: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The one manifest of a kind (and name)."""
    found = [each for each in manifests if each["kind"] == kind and name in {None, each["metadata"]["name"]}]
    assert len(found) == 1, f"{kind} {name}: {[each['metadata']['name'] for each in found]}"
    return found[0]


def _accumulate(folder: Path, before: list[Manifest]) -> list[Manifest]:
    settings = yaml.load((folder / "kustomization.yaml").read_text(), LOADER)
    assert settings.keys() <= KNOWN, f"{folder}: {settings.keys() - KNOWN} is not rendered here"
    made = list(before)
    for name in settings.get("resources", []):
        path = (folder / name).resolve()
        made += _accumulate(path, []) if path.is_dir() else _documents(path)
    for name in settings.get("components", []):
        made = _accumulate((folder / name).resolve(), made)
    made += [_config_map(each, folder) for each in settings.get("configMapGenerator", [])]
    for patch in settings.get("patches", []):
        assert patch.keys() == {"target", "patch"}
        for manifest in filter(lambda each: _is_selected(each, patch["target"]), made):
            _patch(manifest, yaml.safe_load(patch["patch"]))
    for manifest in made if "namespace" in settings else []:
        _put_into(manifest, settings["namespace"])
    for replacement in settings.get("replacements", []):
        _replace(made, replacement)
    return made


def _documents(path: Path) -> list[Manifest]:
    return [each for each in yaml.load_all(path.read_text(), LOADER) if each]


def _config_map(settings: dict[str, Any], folder: Path) -> Manifest:
    assert settings.keys() == {"name", "envs", "options"}
    assert settings["options"] == {"disableNameSuffixHash": True}
    lines = [line for name in settings["envs"] for line in (folder / name).read_text().splitlines()]
    pairs = [line.split("=", 1) for line in lines if line.strip() and not line.startswith("#")]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": settings["name"]},
        "data": dict(pairs),
    }


def _is_selected(manifest: Manifest, target: dict[str, str]) -> bool:
    assert target.keys() <= {"kind", "name"}
    return target["kind"] == manifest["kind"] and target.get("name") in {None, manifest["metadata"]["name"]}


def _patch(manifest: Manifest, operations: list[dict[str, Any]]) -> None:
    """RFC 6902: test, remove, and add at the end of a list."""
    for operation in operations:
        *parents, last = operation["path"].strip("/").split("/")
        holder: Any = manifest
        for part in parents:
            holder = holder[int(part) if isinstance(holder, list) else part]
        key: Any = int(last) if isinstance(holder, list) and last != "-" else last
        match operation["op"]:
            case "test":
                assert holder[key] == operation["value"], operation
            case "remove":
                del holder[key]
            case "add" if last == "-":
                holder.append(operation["value"])
            case _:
                raise AssertionError(f"{operation} is not rendered here")


def _put_into(manifest: Manifest, namespace: str) -> None:
    if manifest["kind"] in NOT_NAMESPACED:
        manifest["metadata"]["name"] = namespace
    else:
        manifest["metadata"]["namespace"] = namespace


def _replace(manifests: list[Manifest], replacement: dict[str, Any]) -> None:
    source = replacement["source"]
    value = copy.deepcopy(only(manifests, source["kind"], source["name"]))
    for part in source["fieldPath"].split("."):
        value = value[part]
    for target in replacement["targets"]:
        assert target.keys() <= {"select", "fieldPaths", "options"}
        for manifest in filter(lambda each: _is_selected(each, target["select"]), manifests):
            for path in target["fieldPaths"]:
                found = list(_holders(manifest, _parts(path)))
                assert found, f"{path} is not in {manifest['kind']} {manifest['metadata']['name']}"
                for holder, key in found:
                    holder[key] = _with_word(holder[key], value, target.get("options"))


def _with_word(text: str, value: str, options: dict[str, Any] | None) -> str:
    if options is None:
        return value
    words = text.split(options["delimiter"])
    words[options["index"]] = value
    return options["delimiter"].join(words)


def _parts(path: str) -> list[str]:
    return re.findall(r"\[[^]]+\]|[^.\[\]]+", path)


def _holders(node: Any, parts: list[str]) -> Iterator[tuple[Any, Any]]:
    first, rest = parts[0], parts[1:]
    if first == "*":
        keys: list[Any] = list(range(len(node)))
    elif first.startswith("[") and "=" in first and isinstance(node, list):
        name, value = first[1:-1].split("=", 1)
        keys = [index for index, each in enumerate(node) if each.get(name) == value]
    else:
        key = first.strip("[]")
        keys = [key] if key in node else []
    for key in keys:
        if rest:
            yield from _holders(node[key], rest)
        else:
            yield node, key
