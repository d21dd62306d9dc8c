"""MLflow in both its shapes: a server, started once, and a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gsgmodel.datasets.made import make_videos
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import Calibration, ModelSettings
from gsgmodel.model.weights import save_model
from gsgmodel.tracking.address import tracking_address
from tests.mlflow_server import Misbehaviour, misbehaving, serving_mlflow


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address of the user's."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server, for the whole session."""
    with serving_mlflow(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture
def proxy(server: str) -> Iterator[tuple[str, Misbehaviour]]:
    """The address of a proxy in front of the server, and how it misbehaves."""
    with misbehaving(server) as found:
        yield found


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The address that is the default in an empty folder; nothing is there yet."""
    return tracking_address(None, folder=tmp_path)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with the small backbone."""
    import torch

    torch.manual_seed(0)
    config = GSGConfig(backbone="tiny", hidden=16, layers=2, attention_hidden=8)
    folder = tmp_path_factory.mktemp("model")
    settings = ModelSettings(architecture=config, calibration=Calibration(slope=1.5), operating_points={"default": 0.5})
    save_model(folder, GSGModel(config), settings)
    return folder


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Paths of two videos with a face each, of a file that is none, and of nothing."""
    folder = tmp_path_factory.mktemp("videos")
    make_videos(folder, num_videos=2, seconds=1.0, size_px=192, seed=3)
    (folder / "broken.mp4").write_bytes(b"no video")
    return [*map(str, sorted(folder.glob("0*.mp4"))), str(folder / "broken.mp4"), str(folder / "gone.mp4")]
