"""Training on clips with a planted sign, alone and interrupted."""

import numpy as np
import pytest
import safetensors.torch
import torch

from gsgmodel.errors import TrainingError
from gsgmodel.training.loop import PREDICTIONS, Trainer
from tests.small_training import LoneWorker, make_clips, make_job, make_settings


def train(tmp_path, settings, clips=None, **worker):
    lone = LoneWorker(tmp_path, **worker)
    trainer = Trainer(make_job(settings, clips), lone)
    return trainer, lone, trainer.run()


def weights_of(trainer):
    return {name: value.clone() for name, value in trainer.state.network.state_dict().items()}


def losses_of(trainer):
    return [(row["train/loss"], row["val/loss"]) for row in trainer.state.history]


def test_a_sign_that_is_there_is_learned(tmp_path):
    settings = make_settings(epochs=12, batch_clips=8)
    trainer, _, is_finished = train(tmp_path, settings)
    assert is_finished
    history = trainer.state.history
    assert [row["epoch"] for row in history] == list(range(1, 13))
    assert history[-1]["train/ce_global"] < 0.05
    assert history[-1]["train/ce_fusion"] < 0.05
    assert 0.05 < history[-1]["train/guide"] < 0.15
    assert history[-1]["val/auc"] == 1.0
    assert history[-1]["train/attention_entropy"] < np.log(4)
    shares = [value for name, value in history[-1].items() if name.startswith("train/patches/")]
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(1)


def test_labels_that_mean_nothing_stay_at_chance(tmp_path):
    clips = make_clips(num_val=40, is_shuffled=True)
    trainer, *_ = train(tmp_path, make_settings(epochs=6, batch_clips=8), clips)
    assert 0.25 < trainer.state.history[-1]["val/auc"] < 0.75


@pytest.mark.parametrize("stop_after", [1, 3, 4, 6])
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, stop_after):
    settings = make_settings(epochs=2, augment=True)
    whole, *_ = train(tmp_path, settings)
    (tmp_path / "parts").mkdir()
    _, worker, is_finished = train(tmp_path / "parts", settings, stop_after=stop_after)
    assert not is_finished
    worker.stop_after = None
    again = Trainer(make_job(settings), worker)
    assert again.run()
    assert (
        again.state.resumes == [{"epoch": (stop_after) // 4, "step": stop_after % 4, "workers": 1}]
        or stop_after % 4 == 0
    )
    assert losses_of(again) == losses_of(whole)
    for name, value in weights_of(whole).items():
        assert torch.equal(value, again.state.network.state_dict()[name]), name


def test_parts_of_a_batch_add_up_to_it_with_frozen_statistics(tmp_path):
    histories = []
    for number, micro_clips in enumerate((None, 1, 3)):
        folder = tmp_path / str(number)
        folder.mkdir()
        trainer, *_ = train(folder, make_settings(batch_norm="frozen", micro_clips=micro_clips))
        histories.append(np.array(losses_of(trainer)))
    assert histories[0] == pytest.approx(histories[1], rel=1e-4)
    assert histories[0] == pytest.approx(histories[2], rel=1e-4)


def test_the_last_checkpoint_holds_what_the_best_weights_say(tmp_path):
    _, worker, _ = train(tmp_path, make_settings())
    margins = safetensors.torch.load_file(worker.kept[-1] / PREDICTIONS)
    assert {split: tuple(each.shape) for split, each in margins.items()} == {"val": (8, 2), "test": (8, 2)}
    assert not any((folder / PREDICTIONS).exists() for folder in worker.kept[:-1])
    assert all(path.suffix in {".safetensors", ".json"} for folder in worker.kept for path in folder.iterdir())


def test_the_best_epoch_is_that_of_the_lowest_validation_loss(tmp_path):
    settings = make_settings(epochs=4, lr=0.05, backbone_lr=0.05, schedule="constant")
    trainer, worker, _ = train(tmp_path, settings)
    losses = [row["val/loss"] for row in trainer.state.history]
    best = losses.index(min(losses))
    at_best = (
        safetensors.torch.load_file(worker.kept[best] / "weights.safetensors") if best < 3 else weights_of(trainer)
    )
    assert all(torch.equal(value, at_best[name]) for name, value in trainer.state.best.items())


def test_the_last_epoch_is_kept_where_that_is_wished(tmp_path):
    trainer, *_ = train(tmp_path, make_settings(keep="last", epochs=3, lr=0.05, backbone_lr=0.05))
    assert all(torch.equal(value, trainer.state.best[name]) for name, value in weights_of(trainer).items())


def test_frozen_statistics_stay_as_they_are(tmp_path):
    job = make_job(make_settings(batch_norm="frozen"))
    before = safetensors.torch.load(job.weights)
    trainer = Trainer(job, LoneWorker(tmp_path))
    trainer.run()
    after = trainer.state.network.state_dict()
    running = [name for name in before if name.endswith(("running_mean", "running_var"))]
    assert running
    assert all(torch.equal(before[name], after[name]) for name in running)
    assert not torch.equal(before["attention.hidden.weight"], after["attention.hidden.weight"])


def test_a_loss_that_is_no_number_is_one_sentence_before_the_weights_are_touched(tmp_path):
    job = make_job(make_settings(lr=1e18, backbone_lr=1e18, schedule="constant"))
    trainer = Trainer(job, LoneWorker(tmp_path))
    with pytest.raises(TrainingError, match=r"the loss is no number in epoch 1, step 2: lower --lr \(1e\+18\)"):
        trainer.run()


def test_a_checkpoint_is_written_as_often_as_wished(tmp_path):
    _, worker, _ = train(tmp_path, make_settings(epochs=1, checkpoint_minutes=1e-6))
    assert len(worker.kept) == 5


def test_progress_is_told_after_each_epoch(tmp_path):
    _, worker, _ = train(tmp_path, make_settings())
    ends = [(step, metrics) for step, metrics in worker.told if "val/loss" in metrics]
    assert [step for step, _ in ends] == [1, 2]
    assert {"train/loss", "train/ce_global", "train/ce_fusion", "train/guide", "train/p_global"} <= set(ends[0][1])


def test_a_gradient_is_scaled_to_the_longest_that_may_be(tmp_path):
    moved = {}
    for name, clip_norm in (("free", None), ("wide", 1e9), ("short", 1e-3)):
        settings = make_settings(epochs=1, batch_clips=16, momentum=0.0, weight_decay=0.0, clip_norm=clip_norm)
        job = make_job(settings)
        before = safetensors.torch.load(job.weights)
        (tmp_path / name).mkdir()
        trainer, *_ = train(tmp_path / name, settings)
        moved[name] = {key: value - before[key] for key, value in weights_of(trainer).items()}
    weights = [name for name, _ in trainer.state.network.named_parameters()]
    assert all(torch.equal(moved["free"][name], moved["wide"][name]) for name in weights)
    length = torch.linalg.vector_norm(torch.cat([moved["short"][name].flatten() for name in weights])).item()
    assert length == pytest.approx(settings.lr * 1e-3, rel=1e-3)


def test_in_pairs_every_fake_stands_behind_what_it_was_made_from(tmp_path):
    settings = make_settings(epochs=1, batch_clips=4, pairs=True)
    order = Trainer(make_job(settings), LoneWorker(tmp_path))._order(0).tolist()
    assert len(order) == 16
    assert all(fake == real + 1 and fake % 2 for real, fake in zip(order[::2], order[1::2], strict=True))
