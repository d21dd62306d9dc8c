"""Register models in MLflow, list and check them, and promote one to be what scans use."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from jobs.terminal import run_app

app = App(name="gsg models", version_flags=[])
Json = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def register(
    folder: Path,
    /,
    *,
    name: str = "gsg",
    alias: str = "champion",
    tracking_uri: str | None = None,
    json_: Json = False,
) -> None:
    """Put a model folder into MLflow as the next version of a name, and print its reference.

    Other teams load it with `mlflow.pyfunc.load_model` and need nothing else of ours.

    Example:
        gsg models register training/runs/RUN/model --name gsg

    Args:
        folder: Holds `model.json` and `weights.safetensors`.
        name: Under which it is registered.
        alias: Is moved to the new version; empty moves none.
        tracking_uri: MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default.
        json_: Print one line of JSON.
    """
    from gsgmodel.tracking.address import tracking_address
    from gsgmodel.tracking.publish import register_model

    address = tracking_address(tracking_uri, folder=Path.cwd())
    version = register_model(folder, name=name, alias=alias or None, tracking_uri=address)
    known_as = f"models:/{name}@{alias}" if alias else None
    _print({"uri": f"models:/{name}/{version}", "alias": known_as, "tracking_uri": address}, as_json=json_)


@app.command(name="list")
def list_(*, name: str | None = None, tracking_uri: str | None = None, json_: Json = False) -> None:
    """Print the registered versions, the newest of each name first, with digests, test AUCs and aliases.

    Args:
        name: Only of this model.
        tracking_uri: MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default.
        json_: Print one line of JSON.
    """
    from gsgmodel.tracking.address import tracking_address
    from gsgmodel.tracking.versions import list_models

    versions = list_models(tracking_uri=tracking_address(tracking_uri, folder=Path.cwd()), name=name)
    if json_:
        print(json.dumps([asdict(version) for version in versions]), flush=True)
        return
    for version in versions:
        words = [f"{version.uri:<28} {version.created_at}  {(version.digest or '-')[:12]:<12}"]
        if version.test_auc is not None:
            words.append(f"AUC {version.test_auc:.3f}")
        print(" ".join([*words, *(f"@{alias}" for alias in version.aliases)]).rstrip())


@app.command
def promote(
    reference: str, /, *, alias: str = "champion", tracking_uri: str | None = None, json_: Json = False
) -> None:
    """Move an alias to a version, and print the reference by alias; scans that run keep the version they began with.

    Args:
        reference: NAME/VERSION, for example gsg/3.
        alias: What the version is known by from now on.
        tracking_uri: MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default.
        json_: Print one line of JSON.
    """
    from gsgmodel.tracking.address import tracking_address
    from gsgmodel.tracking.versions import promote as move_alias

    address = tracking_address(tracking_uri, folder=Path.cwd())
    known_as = move_alias(reference, alias=alias, tracking_uri=address)
    uri = f"models:/{reference.removeprefix('models:/').strip('/')}"
    _print({"uri": uri, "alias": known_as, "tracking_uri": address}, as_json=json_)


@app.command
def check(reference: str, /, *, tracking_uri: str | None = None, json_: Json = False) -> None:
    """Judge a model's canary, a few clips with the scores of its registration, and stop if they are others here.

    Args:
        reference: models:/NAME@ALIAS, models:/NAME/VERSION or runs:/RUN/PATH.
        tracking_uri: MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default.
        json_: Print one line of JSON; `difference` is null where the model has no canary.
    """
    from gsgmodel.tracking.address import tracking_address
    from gsgmodel.tracking.registry import check_registered

    difference = check_registered(reference, tracking_uri=tracking_address(tracking_uri, folder=Path.cwd()))
    said = "has no canary" if difference is None else f"judges as registered, within {difference:.2g}"
    print(json.dumps({"uri": reference, "difference": difference}) if json_ else f"{reference} {said}", flush=True)


def _print(registered: dict[str, str | None], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(registered), flush=True)
    else:
        print(f"{registered['uri']}{' is ' if registered['alias'] else ''}{registered['alias'] or ''}", flush=True)


if __name__ == "__main__":
    sys.exit(run_app(app))
