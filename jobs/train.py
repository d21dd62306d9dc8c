"""Train the GSG network on a clip store, with one worker or many, and register it."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from gsgmodel.training.settings import TrainSettings
from jobs.terminal import run_app, say, say_end

if TYPE_CHECKING:
    from gsgmodel.training.finish import TrainingSummary
    from gsgmodel.training.opening import Training

DEFAULTS = TrainSettings()
app = App(name="gsg train", version_flags=[])


@app.default
def main(store: str, /, *, settings: Annotated[TrainSettings, Parameter(name="*")] = DEFAULTS) -> int:
    """Train the GSG network on the clips of a store that `gsg prepare` made, and register it as the challenger.

    A checkpoint is written after each epoch and every few minutes; a training that was stopped or lost goes on with
    --resume RUN. Settings also come from GSG_... variables and from a TOML file named by --config.

    Examples:
        gsg train clips/

        gsg train clips/ --workers 2 --backbone resnet18 --backbone-weights none --epochs 10

        gsg train clips/ --resume 20261124T063301Z-1a2b3c4d

        ray job submit --working-dir . -- python jobs/train.py s3://data/clips --output s3://data/training --workers 2:8

    Args:
        store: A clip store: a folder or s3://BUCKET/PREFIX.
        settings: The settings of the training.
    """
    return train(store, settings).exit_code


def train(store: str, settings: TrainSettings) -> "TrainingSummary":
    """Check everything, train, judge the held-out videos, and register the model."""
    from gsgmodel.training.opening import check_training

    check_training(store, settings)
    from gsgmodel.training.distributed import run_store, train_together
    from gsgmodel.training.finish import finish, stopped
    from gsgmodel.training.gather import gathered
    from gsgmodel.training.opening import make_job, open_training
    from gsgmodel.training.shown import begin_text, printer

    with open_training(store, settings) as training, training.stop.watching_signals():
        say(begin_text(training))
        job = make_job(training)
        places = (training.store.uri, training.run_folder.uri)
        with (
            gathered(training.settings, places, num_clips=training.num_train, stop=training.stop, note=tell) as crew,
            training.stop.watching_signals(),
        ):
            checkpoint = train_together(
                job,
                crew,
                run_store(training.run_folder),
                max_failures=training.settings.max_failures,
                stop=training.stop,
                show=printer(training),
            )
            if not checkpoint:
                return end(training, stopped(training))
        return end(training, finish(training, checkpoint))


def end(training: "Training", summary: "TrainingSummary") -> "TrainingSummary":
    """Say how it ended."""
    from gsgmodel.training.finish import summary_text

    say_end(summary_text(training, summary), summary, as_json=training.settings.json)
    return summary


def tell(text: str) -> None:
    """Say something to a person."""
    say([text])


if __name__ == "__main__":
    sys.exit(run_app(app))
