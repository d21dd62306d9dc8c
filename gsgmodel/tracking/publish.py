"""Models into MLflow: logged in a run and registered, as safetensors, JSON and a script, never anything pickled."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import save_model
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

import gsgmodel
from gsgmodel.model.settings import SETTINGS_NAME
from gsgmodel.model.weights import WEIGHTS_NAME, ModelFiles, read_model
from gsgmodel.scoring.canary import CANARY_NAME, parse_canary, read_canary
from gsgmodel.tracking import REQUEST_S
from gsgmodel.tracking.messages import now_ms, numbers_of, text_of
from gsgmodel.tracking.registry import DIGEST_TAG
from gsgmodel.tracking.store import FAILURES, connect, experiment_id, failures_named
from gsgmodel.tracking.versions import ALIAS, NAME, check_address, promote
from gsgmodel.video.container import DECODER_VERSION

EXPERIMENT = "gsg-models"
ARTIFACT_PATH = "model"
REQUIRED = (
    *("aiobotocore", "av", "facenet-pytorch", "fsspec", "jaxtyping", "numpy", "pillow", "pyarrow", "s3fs"),
    *("safetensors", "torch", "torchvision"),
)
"""Packages that scoring a video takes; MLflow names itself, and brings pandas."""
UPLOAD_S = 300
"""How long a request may take while a model is sent: a server answers when its own store has taken a file."""
DESCRIPTION_LENGTH = 2000
"""Characters of the model card that MLflow shows beside a version."""
CARD = "card.md"
_SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec("string", "uri")]),
    params=ParamSchema(
        [ParamSpec("faces", "string", "all"), ParamSpec("window_s", "double", 60.0), ParamSpec("max_clips", "long", 32)]
    ),
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a model besides its files, from its training."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Of the run that registers it; what is not finite is left out."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of the version and the run; those of ``gsgmodel.tracking.promotion`` decide whether it is promoted."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Kept in the run, by name; the beginning of ``card.md`` is the version's description."""
    canary: bytes | None = None
    """As ``gsgmodel.scoring.canary.make_canary`` returns it; travels with the model."""


_NOTHING = Evidence()


def register_model(
    model: Path | ModelFiles,
    *,
    name: str = NAME,
    alias: str | None = ALIAS,
    tracking_uri: str,
    evidence: Evidence = _NOTHING,
    run_id: str | None = None,
) -> str:
    """Put a model into MLflow; the version is made last, when all that belongs to it is there.

    Args:
        model: Its folder, whose canary goes along, or its files as read.
        name: Under which it is registered.
        alias: Is moved to the new version; None leaves every alias where it is.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.
        evidence: What its training found.
        run_id: MLflow's name of the run that keeps it all and goes on, see ``TrackedRun.run_id``; None makes one.

    Returns:
        The number of the new version. A model that is broken, a canary of another model, and an MLflow or a disk that
        does not take it, are a ``ConfigError``; then there is no version, or a whole one that no alias was moved to.
    """
    files = model if isinstance(model, ModelFiles) else read_model(model)
    if isinstance(model, Path) and evidence.canary is None:
        evidence = replace(evidence, canary=read_canary(model))
    if evidence.canary is not None:
        parse_canary(files, evidence.canary)
    check_address(tracking_uri)
    with (
        failures_named(f"model {name} cannot be registered", address=tracking_uri),
        tempfile.TemporaryDirectory(prefix="gsg-model-") as scratch,
        _time_to_upload(),
    ):
        client = connect(tracking_uri)
        with _run_of(client, name, run_id=run_id, address=tracking_uri) as run:
            folder = write_model(files, Path(scratch), run_id=run.run_id, canary=evidence.canary)
            client.log_artifacts(run.run_id, str(folder), ARTIFACT_PATH)
            tags = {**tags_of(files), **{tag: text_of(value) for tag, value in evidence.tags.items()}}
            _log(client, run.run_id, evidence, tags, Path(scratch) / "files")
            _make_name(client, name)
            place = f"{run.artifact_uri.rstrip('/')}/{ARTIFACT_PATH}"
            about = _description(evidence.files.get(CARD, b""))
            version = str(client.create_model_version(name, place, run.run_id, tags=tags, description=about).version)
    if alias:
        promote(f"{name}/{version}", alias=alias, tracking_uri=tracking_uri)
    return version


def requirements() -> list[str]:
    """What scoring takes, as it is installed here; a build's own mark, such as ``+cu128``, names no release."""
    return [f"{name}=={installed_version(name).partition('+')[0]}" for name in REQUIRED]


def tags_of(files: ModelFiles) -> dict[str, str]:
    """What a version says of its content."""
    return {
        DIGEST_TAG: files.digest,
        "gsg.preparation_digest": files.settings.preparation.digest,
        "gsg.backbone": files.settings.architecture.backbone,
        "gsg.decoder": DECODER_VERSION,
    }


def write_model(files: ModelFiles, scratch: Path, *, run_id: str, canary: bytes | None = None) -> Path:
    """Write what is logged: the model, the script that MLflow loads it with, this package, and what they require."""
    content = scratch / "content"
    content.mkdir()
    (content / SETTINGS_NAME).write_text(files.settings.to_json())
    (content / WEIGHTS_NAME).write_bytes(files.weights)
    artifacts = {"settings": content / SETTINGS_NAME, "weights": content / WEIGHTS_NAME}
    if canary is not None:
        artifacts["canary"] = content / CANARY_NAME
        artifacts["canary"].write_bytes(canary)
    package = Path(gsgmodel.__file__).parent
    code = scratch / "code" / package.name
    for source in package.rglob("*.py"):
        target = code / source.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    script = Path(shutil.copy(package / "tracking" / "served.py", scratch))
    folder = scratch / ARTIFACT_PATH
    # MLflow would take along whatever project it finds in the working folder.
    os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"
    save_model(
        str(folder),
        python_model=str(script),
        artifacts={kind: str(path) for kind, path in artifacts.items()},
        code_paths=[str(code)],
        pip_requirements=requirements(),
        signature=_SIGNATURE,
        metadata=tags_of(files),
        mlflow_model=Model(artifact_path=ARTIFACT_PATH, run_id=run_id),
    )
    return folder


@contextmanager
def _run_of(client: Any, name: str, *, run_id: str | None, address: str) -> Iterator[Any]:
    """The run that keeps a model: the one that is named, left as it is found, or one made for this."""
    if run_id is not None:
        yield client.get_run(run_id).info
        return
    run = client.create_run(experiment_id(client, EXPERIMENT, address=address), run_name=f"register {name}").info
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    finally:
        # The version is there or not, whatever MLflow makes of this, and Ctrl-C is not to become MLflow's error.
        with suppress(*FAILURES):
            client.set_terminated(run.run_id, status=status)


def _log(client: Any, run_id: str, evidence: Evidence, tags: Mapping[str, str], scratch: Path) -> None:
    """Put what is known of a model into its run."""
    time_ms = now_ms()
    for name, content in evidence.files.items():
        path = scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        below = path.parent.relative_to(scratch)
        client.log_artifact(run_id, str(path), None if below == Path() else below.as_posix())
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, time_ms, 0) for name, value in numbers_of(evidence.metrics).items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )


def _description(card: bytes) -> str | None:
    """The first lines of a model card, as many as MLflow shows well."""
    text = card.decode(errors="replace")
    if len(text) > DESCRIPTION_LENGTH:
        text = text[:DESCRIPTION_LENGTH].rpartition("\n")[0] or text[:DESCRIPTION_LENGTH]
    return text.strip() or None


@contextmanager
def _time_to_upload() -> Iterator[None]:
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    usual = os.environ[name]
    if usual == REQUEST_S:
        os.environ[name] = str(UPLOAD_S)
    try:
        yield
    finally:
        os.environ[name] = usual


def _make_name(client: Any, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
