from gsgmodel.training.desk import Point
from gsgmodel.training.opening import open_training
from gsgmodel.training.shown import begin_text, printer
from tests.small_store import make_store
from tests.small_training import make_settings


def test_people_are_told_what_is_trained_and_how_each_epoch_ended(tmp_path, capsys):
    store = make_store(tmp_path / "clips")
    settings = make_settings(output=str(tmp_path / "out"), tracking_uri="none", epochs=3)
    with open_training(store.uri, settings) as training:
        first, second = begin_text(training)
        assert first == (
            f"training gsg with tiny (none weights) for 3 epochs on {store.uri}: clips train 8, val 6, test 6"
        )
        assert second == f"run {training.run_folder.uri}"
        show = printer(training)
        show(Point(step=5, metrics={"running/loss": 1.0}))
        show(Point(step=2, metrics={"train/loss": 1.5, "val/loss": 1.25, "val/auc": 0.75}))
        assert capsys.readouterr().err == "epoch 2/3: train/loss 1.500, val/loss 1.250, val/auc 0.750\n"
        training.run_folder.write_summary({})
    with open_training(store.uri, make_settings(output=str(tmp_path / "out"), resume=training.run_id)) as again:
        assert begin_text(again)[1] == f"going on with run {training.run_id}"
        again.run_folder.write_summary({})
