"""The models that pictures are made with: several side by side, or the one that scored."""

from collections.abc import Collection, Sequence
from pathlib import Path

from gsgmodel.errors import ConfigError
from gsgmodel.model.weights import ModelFiles
from gsgmodel.tracking.address import tracking_address
from gsgmodel.tracking.registry import resolve_model


def find_models(names: Sequence[str], tracking_uri: str | None) -> dict[str, ModelFiles]:
    """Find models by name; one that is not found is a ``ConfigError``.

    Args:
        names: As users name models, that of ``--model`` first.
        tracking_uri: MLflow's address as given.
    """
    address = tracking_address(tracking_uri, folder=Path.cwd())
    return {name: resolve_model(name, tracking_uri=address) for name in names}


def find_scorer(
    names: Sequence[str], digests: Collection[str], *, model: str | None, tracking_uri: str | None
) -> tuple[ModelFiles | None, str]:
    """Find the model that scored.

    Args:
        names: What rows call it; several if they are of several models.
        digests: What rows say of its content.
        model: Where a user says that it lies now; one that is not found is a ``ConfigError``.
        tracking_uri: MLflow's address as given.

    Returns:
        The model and nothing, or None and in a sentence why it is not within reach.

    Raises:
        ConfigError: If ``model`` names none.
    """
    name = model or (names[0] if len(names) == 1 else None)
    if name is None:
        return None, f"{len(names)} models scored" if names else "no row names a model"
    try:
        files = resolve_model(name, tracking_uri=tracking_address(tracking_uri, folder=Path.cwd()))
    except ConfigError as error:
        if model:
            raise
        return None, str(error)
    if files.digest not in digests:
        return None, f"{name} is another model by now; --model names the one that scored"
    return files, ""
