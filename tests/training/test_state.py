import json

import numpy as np
import pytest
import torch

from gsgmodel.errors import ConfigError
from gsgmodel.model.gsg import GSGModel
from gsgmodel.training.network import make_optimiser
from gsgmodel.training.state import STATE, TrainingState
from tests.small_training import ARCHITECTURE, FRAMES, SIZE_PX, make_settings


def make_state(*, seed: int = 0, steps: int = 2) -> TrainingState:
    torch.manual_seed(seed)
    network = GSGModel(ARCHITECTURE)
    state = TrainingState(network=network, optimiser=make_optimiser(network, make_settings()))
    for _ in range(steps):
        network(torch.rand(2, FRAMES, 3, SIZE_PX, SIZE_PX)).fusion_logits.sum().backward()
        state.optimiser.step()
        state.optimiser.zero_grad()
    return state


def test_a_checkpoint_gives_back_all_that_there_was(tmp_path):
    state = make_state()
    state.epoch, state.step, state.sums = 3, 5, np.array([1.5, 2.0])
    state.history, state.resumes = [{"epoch": 1, "val/loss": 0.1}], [{"epoch": 0, "step": 2, "workers": 4}]
    state.best = {name: value + 1 for name, value in state.network.state_dict().items()}
    state.write(tmp_path)
    drawn = torch.rand(3)
    again = make_state(seed=1, steps=0)
    again.read(tmp_path)
    assert torch.equal(torch.rand(3), drawn)
    assert (again.epoch, again.step, again.sums.tolist()) == (3, 5, [1.5, 2.0])
    assert (again.history, again.resumes) == (state.history, state.resumes)
    for name, value in state.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name])
        assert torch.equal(state.best[name], again.best[name])
    held = [state.optimiser.state[each].get("momentum_buffer") for each in state.network.parameters()]
    back = [again.optimiser.state[each].get("momentum_buffer") for each in again.network.parameters()]
    assert any(each is not None for each in held)
    assert all((a is None and b is None) or torch.equal(a, b) for a, b in zip(held, back, strict=True))


def test_before_the_first_epoch_nothing_is_best(tmp_path):
    make_state(steps=0).write(tmp_path)
    again = make_state()
    again.best = {}
    again.read(tmp_path)
    assert again.best is None
    assert again.sums is None


@pytest.mark.parametrize("name", ["state.json", "weights.safetensors", "momentum.safetensors"])
def test_a_broken_checkpoint_is_one_sentence(tmp_path, name):
    make_state().write(tmp_path)
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ConfigError, match=r"checkpoint .* cannot be read"):
        make_state().read(tmp_path)


def test_another_format_is_refused(tmp_path):
    make_state().write(tmp_path)
    content = json.loads((tmp_path / STATE).read_text())
    (tmp_path / STATE).write_text(json.dumps(content | {"format": 2}))
    with pytest.raises(ConfigError, match="has format 2; this version reads 1"):
        make_state().read(tmp_path)
