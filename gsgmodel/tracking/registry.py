"""Models by reference, MLflow's among them: resolved once to a version, fetched, checked, never unpickled."""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from gsgmodel.errors import ConfigError
from gsgmodel.model import reference
from gsgmodel.model.config import UNTRAINED
from gsgmodel.model.settings import PREPARATION, SETTINGS_NAME, check_preparation
from gsgmodel.model.weights import MAX_SETTINGS_BYTES, WEIGHTS_NAME, ModelFiles, read_model
from gsgmodel.records import Preparation
from gsgmodel.redact import redact
from gsgmodel.scoring.canary import CANARY_NAME, check_canary, parse_canary, read_canary
from gsgmodel.scoring.canary import MAX_BYTES as MAX_CANARY_BYTES
from gsgmodel.tracking.address import DEFAULT_MODEL, NO_TRACKING, database_of

DIGEST_TAG = "gsg.digest"
"""Tag of a version: ``ModelFiles.digest`` of what was registered."""
FOLDERS = ("", "artifacts")
"""Where the two files lie in what was logged: at its top, or where MLflow keeps the files of a pyfunc model."""
MAX_WEIGHTS_BYTES = 1 << 30
"""Not fetched if larger; reading has a limit of its own, the size of the network that they claim to be."""
ACCEPTED = "accepted are models:/NAME@ALIAS, models:/NAME/VERSION and runs:/RUN_ID/PATH"
_MODEL = re.compile(r"models:/+(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_RUN = re.compile(r"runs:/+(?P<run>[0-9a-zA-Z_\-]+)(?P<path>(?:/[^/]+)*)/?")


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a reference stands for now."""

    uri: str
    """Of the version itself, whatever alias led to it."""
    version: str | None
    artifacts_uri: str
    digest: str | None
    """As the version's tag has it."""


def resolve_model(ref: str, *, tracking_uri: str, preparation: Preparation = PREPARATION) -> ModelFiles:
    """Find, read and check a model.

    Args:
        ref: What ``gsgmodel.model.reference.resolve_model`` takes, or a reference to MLflow: ``models:/NAME@ALIAS``,
            ``models:/NAME/VERSION`` or ``runs:/RUN_ID/PATH``.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.
        preparation: How crops are made in this run.

    Returns:
        Plain data. Of a registered model, uri and version are those of the version, never an alias.

    Raises:
        ConfigError: In one sentence: the model is not there, cannot be fetched, is broken, or has another preparation.
    """
    if not ref.startswith(("models:/", "runs:/")):
        return reference.resolve_model(ref, preparation=preparation)
    _check_reference(ref, tracking_uri)
    files = _resolve(ref, tracking_uri)
    try:
        check_preparation(files.settings.preparation, preparation)
    except ConfigError as error:
        raise ConfigError(f"model {ref}: {error}") from error
    return files


def fetch_canary(ref: str, *, tracking_uri: str) -> bytes | None:
    """Bring the canary of a registered model here; None if it has none.

    Args:
        ref: A reference to MLflow, as of ``resolve_model``; what is not there is a ``ConfigError``.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.

    Raises:
        ConfigError: It is too large; it is not fetched then.
    """
    from gsgmodel.tracking.store import artifacts_at, failures_named  # noqa: PLC0415

    _check_reference(ref, tracking_uri)
    place = _find(ref, tracking_uri)
    with (
        failures_named(f"canary of model {ref}", address=tracking_uri),
        tempfile.TemporaryDirectory(prefix="gsg-canary-") as scratch,
    ):
        artifacts = artifacts_at(place.artifacts_uri, address=tracking_uri)
        listed = [item for below in FOLDERS for item in artifacts.list_artifacts(below or None)]
        held = [item for item in listed if item.path.rpartition("/")[2] == CANARY_NAME]
        if not held:
            return None
        if (held[0].file_size or 0) > MAX_CANARY_BYTES:
            raise ConfigError(
                f"model {ref}: {CANARY_NAME} is larger than {MAX_CANARY_BYTES} bytes, the most that is accepted here"
            )
        return read_canary(Path(artifacts.download_artifacts(held[0].path, scratch)).parent)


def canary_of(files: ModelFiles, *, tracking_uri: str) -> bytes | None:
    """Return the canary of a model that was resolved, wherever it came from; None if it has none.

    Args:
        files: The model; a canary that is broken or of another model is a ``ConfigError``.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.
    """
    if files.uri.startswith(("models:/", "runs:/")):
        content = fetch_canary(files.uri, tracking_uri=tracking_uri)
    else:
        content = None if files.version == UNTRAINED else read_canary(Path(unquote(urlsplit(files.uri).path)))
    if content is not None:
        parse_canary(files, content)
    return content


def check_registered(ref: str, *, tracking_uri: str, preparation: Preparation = PREPARATION) -> float | None:
    """Make sure that a registered model judges here as it did where it was registered.

    Args:
        ref: A reference to MLflow, as of ``resolve_model``. One that is not there, is broken or judges otherwise is a
            ``ConfigError``.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.
        preparation: How crops are made in this run.

    Returns:
        The largest difference of a margin or a score; None where the model has no canary.
    """
    _check_reference(ref, tracking_uri)
    files = resolve_model(ref, tracking_uri=tracking_uri, preparation=preparation)
    # By the version, which an alias may leave at any time.
    canary = fetch_canary(files.uri, tracking_uri=tracking_uri)
    return None if canary is None else check_canary(files, canary)


def _find(ref: str, tracking_uri: str) -> Place:
    from gsgmodel.tracking.store import connect, failures_named  # noqa: PLC0415

    with failures_named(f"model {ref}", address=tracking_uri, absent=_absent(ref, tracking_uri)):
        client = connect(tracking_uri)
        return _find_run(client, ref) if ref.startswith("runs:/") else _find_version(client, ref)


def _resolve(ref: str, tracking_uri: str) -> ModelFiles:
    # A second and 100 MB, and only where MLflow holds the model.
    from gsgmodel.tracking.store import artifacts_at, failures_named  # noqa: PLC0415

    subject = f"model {ref}"
    place = _find(ref, tracking_uri)
    with failures_named(subject, address=tracking_uri), tempfile.TemporaryDirectory(prefix="gsg-model-") as scratch:
        _fetch(artifacts_at(place.artifacts_uri, address=tracking_uri), Path(scratch), ref=place.uri)
        return _read(Path(scratch), place)


def _check_reference(ref: str, tracking_uri: str) -> None:
    """Refuse what needs no question to MLflow; a database is not made just to look into it.

    Raises:
        ConfigError: In one sentence.
    """
    if not (_MODEL.fullmatch(ref) or _RUN.fullmatch(ref)):
        raise ConfigError(f"model {ref}: that is no reference to MLflow; {ACCEPTED}")
    if tracking_uri == NO_TRACKING:
        raise ConfigError(f"model {ref} lies in MLflow, and the tracking URI is {NO_TRACKING!r}; accepted: its address")
    database = database_of(tracking_uri)
    if database is not None and not database.is_file():
        raise ConfigError(_absent(ref, tracking_uri))


def _absent(ref: str, tracking_uri: str) -> str:
    text = f"model {ref}: there is none in MLflow at {redact(tracking_uri)}"
    if ref != DEFAULT_MODEL:
        return text
    return (
        f"{text}; `./gsg models register FOLDER` registers a trained one there, --model FOLDER takes one from disk, "
        "and --model untrained or ./gsg demo shows the way without one"
    )


def _find_version(client: Any, ref: str) -> Place:
    match = _MODEL.fullmatch(ref)
    assert match is not None
    name, alias = match["name"], match["alias"]
    found = (
        client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, match["version"])
    )
    artifacts_uri = client.get_model_version_download_uri(name, found.version)
    if artifacts_uri.startswith("models:/"):
        # A model that MLflow 3 logged on its own, outside of a run's artifacts.
        artifacts_uri = client.get_logged_model(artifacts_uri.rpartition("/")[2]).artifact_location
    return Place(
        uri=f"models:/{name}/{found.version}",
        version=str(found.version),
        artifacts_uri=artifacts_uri,
        digest=found.tags.get(DIGEST_TAG),
    )


def _find_run(client: Any, ref: str) -> Place:
    match = _RUN.fullmatch(ref)
    assert match is not None
    run = client.get_run(match["run"])
    path = match["path"].strip("/")
    artifacts_uri = f"{run.info.artifact_uri.rstrip('/')}/{path}" if path else run.info.artifact_uri
    if path and "/" not in path and "'" not in path:
        logged = client.search_logged_models([run.info.experiment_id], filter_string=f"name = '{path}'")
        mine = [model for model in logged if model.source_run_id == run.info.run_id]
        artifacts_uri = mine[0].artifact_location if mine else artifacts_uri
    return Place(uri=ref, version=None, artifacts_uri=artifacts_uri, digest=None)


def _fetch(artifacts: Any, folder: Path, *, ref: str) -> None:
    """Bring the two files, and nothing else of what was logged, into a folder.

    Raises:
        ConfigError: They are not there, or too large.
    """
    limits = {SETTINGS_NAME: MAX_SETTINGS_BYTES, WEIGHTS_NAME: MAX_WEIGHTS_BYTES}
    top: list[str] = []
    for below in FOLDERS:
        listed = {item.path.rpartition("/")[2]: item for item in artifacts.list_artifacts(below or None)}
        top = top or sorted(listed)
        if not limits.keys() <= listed.keys():
            continue
        for name, limit in limits.items():
            if (listed[name].file_size or 0) > limit:
                raise ConfigError(f"model {ref}: {name} is larger than {limit} bytes, the most that is accepted here")
            fetched = Path(artifacts.download_artifacts(listed[name].path, str(folder)))
            fetched.replace(folder / name)
        return
    raise ConfigError(
        f"model {ref} lacks {' and '.join(limits)} (it holds {', '.join(top[:5]) or 'nothing'}); accepted is what "
        "`./gsg models register FOLDER` registers"
    )


def _read(folder: Path, place: Place) -> ModelFiles:
    try:
        files = read_model(folder)
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(folder), place.uri)) from error
    if place.digest is not None and place.digest != files.digest:
        raise ConfigError(
            f"model {place.uri}: its content has the digest {files.digest[:12]}, but {place.digest[:12]} was registered"
        )
    return replace(files, uri=place.uri, version=place.version or files.version)
