"""Manifests against schemas: Kubernetes' own kinds, KubeRay's kinds, each with unknown fields refused."""

import copy
import functools
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

KUBERNETES = "1.37.0"
OF_KUBERAY = {"RayCluster": "rayclusters.v1.json", "RayJob": "rayjobs.v1.json"}
_DEFAULT = Path(__file__).resolve().parents[3] / "shared"
FOLDER = Path(os.environ.get("GSG_SHARED", str(_DEFAULT))) / "schemas"


def check(manifest: dict[str, Any]) -> None:
    """Raise what is wrong with a manifest; skips the test where the schemas are not there."""
    if manifest["kind"] in OF_KUBERAY:
        _check_kuberay(manifest)
        return
    validator = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    validator.validate(manifest, KUBERNETES, strict=True)


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A structural schema of Kubernetes as JSON schema, in which a field that is not named is an error.

    Not below ``x-kubernetes-preserve-unknown-fields``; and what is a number or a text may be either.
    """
    made = copy.deepcopy(schema)
    _make_strict(made)
    return made


def _make_strict(node: dict[str, Any]) -> None:
    if node.pop("x-kubernetes-int-or-string", False):
        node.pop("type", None)
        node["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "properties" in node:
        # A manifest has both, and the operator's schema leaves them to the API server.
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            node.setdefault("additionalProperties", False)
        for each in node["properties"].values():
            _make_strict(each)
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            _make_strict(node[name])


def _check_kuberay(manifest: dict[str, Any]) -> None:
    file = FOLDER / OF_KUBERAY[manifest["kind"]]
    if not file.is_file():
        pytest.skip(f"needs KubeRay's schemas, not found in {FOLDER} (set GSG_SHARED)")
    _validator(file).validate(manifest)


@functools.cache
def _validator(file: Path) -> jsonschema.Draft202012Validator:
    schema = strict(json.loads(file.read_text()))
    # The structure of these is the API server's, and the same for every kind.
    schema["properties"] |= {"metadata": {"type": "object", "required": ["name"]}}
    return jsonschema.Draft202012Validator(schema)
