"""See it work: make real and fake videos, prepare them, train a small network, and score videos it has not seen."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import GSGConfig
from gsgmodel.scan.settings import PrepareSettings, ScanSettings
from gsgmodel.training.settings import CHALLENGER, TrainSettings
from jobs.prepare import prepare_archive
from jobs.score import score_archive
from jobs.terminal import print_judged, run_app, say
from jobs.train import train

NAME = "gsg-demo"
NETWORK = GSGConfig(backbone="tiny", hidden=64, layer_norm=True)
HOW = TrainSettings(
    name=NAME, architecture=NETWORK, backbone_weights="none", batch_clips=8, lr=0.02, backbone_lr=0.02, workers="2"
)
STORE_BYTES, LEAST_VIDEOS = 1 << 30, 10
WORTH = "such a model knows nothing about the world: its fakes are one crude forgery of the same three people"
app = App(name="gsg demo", version_flags=[])


@app.default
def main(
    *,
    folder: Path = Path("demo"),
    num_videos: int = 80,
    epochs: int = 10,
    seed: int = 0,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Make short videos of three public-domain portraits, half of them with another's face, and tell them apart.

    Those held out are scored with the model that was registered. A second demo in the folder finds everything done.

    Example:
        gsg demo --folder somewhere/

    Args:
        folder: Gets `videos`, `clips`, `training`, `results` and `mlflow.db`.
        num_videos: How many videos are made; every fifth of each kind is held out.
        epochs: How long the network is trained.
        seed: Another seed makes other videos and another network.
        json_: End with one line of JSON: the AUC on held-out videos, its interval, and more.

    Raises:
        ConfigError: If there are too few videos.
    """
    from gsgmodel.datasets.made import make_once
    from gsgmodel.evaluation.held_out import judge_output
    from gsgmodel.model.weights import read_model
    from gsgmodel.scan.session import running_ray

    if num_videos < LEAST_VIDEOS:
        raise ConfigError(
            f"--num-videos is {num_videos}; accepted: {LEAST_VIDEOS} or more, to hold some of each kind out"
        )
    folder = folder.resolve()
    say([f"making {num_videos} videos in {folder / 'videos'}"])
    make_once(folder / "videos", num_videos=num_videos, seed=seed)
    with running_ray(object_store_bytes=STORE_BYTES):
        trained = learn(folder, epochs=epochs, seed=seed)
        code = trained["exit_code"] or score_held_out(folder)
    if code:
        return int(code)
    model, held_out = read_model(Path(trained["model"])), folder / "videos" / "held_out.csv"
    threshold = model.settings.operating_points["default"]
    found = judge_output(str(folder / "results"), str(held_out), model=model, threshold=threshold)
    print_judged(found.videos, threshold=threshold)
    auc, low, high = found.metrics["auc"], found.auc_low, found.auc_high
    print(f"held out  {len(found.videos)} videos, AUC {auc:.3f} ({low:.3f} to {high:.3f})")
    print(f"probes    {', '.join(f'{name} {area:.2f}' for name, area in trained['probes'].items() if area)}")
    print(f"look      ./gsg report --output {folder / 'results'}, or read its Delta table: DuckDB, Spark and others do")
    print(f"model     {trained['registered']} in {tracking_uri(folder)}")
    print(WORTH)
    if json_:
        said = {"auc": auc, "auc_low": low, "auc_high": high, "num_videos": len(found.videos), "folder": str(folder)}
        print(json.dumps(said | {"probes": trained["probes"]}), flush=True)
    return 0


def learn(folder: Path, *, epochs: int, seed: int) -> dict[str, Any]:
    """Prepare the videos and train on them, unless that is done; what the training's summary says."""
    clips, training = folder / "clips", folder / "training"
    how = PrepareSettings(output=str(clips), boxes_from="original")
    store = prepare_archive((str(folder / "videos" / "manifest.csv"),), how)
    assert store is not None
    if store.exit_code:
        return {"exit_code": store.exit_code}
    from gsgmodel.training.finish import registered_before

    if done := registered_before(training, data_digest=store.data_digest, epochs=epochs):
        say([f"trained already: {done['registered']}"])
        return done
    settings = replace(HOW, output=str(training), tracking_uri=tracking_uri(folder), epochs=epochs, seed=seed)
    return asdict(train(str(clips), settings))


def score_held_out(folder: Path) -> int:
    """Score the videos that were held out, with the model that was registered; the exit code."""
    model, place = f"models:/{NAME}@{CHALLENGER}", str(folder / "results")
    how = ScanSettings(output=place, model=model, tracking_uri=tracking_uri(folder))
    summary = score_archive((str(folder / "videos" / "held_out.csv"),), how)
    return summary.exit_code if summary else 0


def tracking_uri(folder: Path) -> str:
    """MLflow's address: a database of the demo's own."""
    return f"sqlite:///{folder / 'mlflow.db'}"


if __name__ == "__main__":
    sys.exit(run_app(app))
