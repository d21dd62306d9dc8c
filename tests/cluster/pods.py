"""Pods and containers, wherever a manifest has them, and what they run."""

import shlex
from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]


def pods_of(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Each template of a pod, by where it stands."""
    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        for path, template in _templates(manifest.get("spec", {}), ""):
            yield name + path, template


def _templates(node: Any, path: str) -> Iterator[tuple[str, Manifest]]:
    if isinstance(node, dict):
        if "containers" in node.get("spec", {}):
            yield path, node
            return
        for key, each in node.items():
            yield from _templates(each, f"{path}/{key}")
    elif isinstance(node, list):
        for index, each in enumerate(node):
            yield from _templates(each, f"{path}/{index}")


def containers_of(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Each container that is described, the autoscaler beside a head among them."""
    for where, pod in pods_of(manifests):
        for container in pod["spec"]["containers"]:
            yield f"{where} {container['name']}", container
    for manifest in manifests:
        spec = manifest.get("spec", {})
        for cluster in (spec, spec.get("rayClusterSpec", {})):
            if "autoscalerOptions" in cluster:
                yield f"{manifest['kind']} {manifest['metadata']['name']} autoscaler", cluster["autoscalerOptions"]


def command_of(container: Manifest, values: dict[str, str]) -> list[str]:
    """The words that a container runs, with ``$(NAME)`` filled in as Kubernetes does."""
    known = dict(values) if container.get("envFrom") else {}
    known |= {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}
    words = [*container.get("command", []), *container.get("args", [])]
    for name, value in known.items():
        words = [word.replace(f"$({name})", value) for word in words]
    return words


def entry_points(manifests: list[Manifest], values: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Each ``python FILE WORDS...`` that a manifest has run, as the words of a shell."""
    for manifest in manifests:
        if "entrypoint" in manifest.get("spec", {}):
            yield f"{manifest['kind']} {manifest['metadata']['name']}", shlex.split(manifest["spec"]["entrypoint"])
    for where, container in containers_of(manifests):
        words = command_of(container, values)
        hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        for each in (words, hook):
            if each[:1] == ["python"]:
                yield where, each
        if "--" in words:
            # What a submitter hands on is the line of a shell.
            yield f"{where} submits", shlex.split(words[-1])
