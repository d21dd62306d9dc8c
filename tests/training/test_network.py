import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gsgmodel.model.gsg import GSGModel, two_stream_loss
from gsgmodel.training.network import learning_network, make_optimiser, set_modes, set_rates
from tests.small_training import ARCHITECTURE, FRAMES, SIZE_PX, make_settings


def make_network() -> GSGModel:
    torch.manual_seed(0)
    return GSGModel(ARCHITECTURE)


def test_the_backbone_has_a_rate_of_its_own_and_every_parameter_one():
    network = make_network()
    optimiser = make_optimiser(network, make_settings(lr=0.5, backbone_lr=0.25, momentum=0.5, weight_decay=0.125))
    backbone, others = optimiser.param_groups
    assert (backbone["lr"], others["lr"], others["momentum"], others["weight_decay"]) == (0.25, 0.5, 0.5, 0.125)
    assert {id(each) for each in backbone["params"]} == {id(each) for each in network.backbone.parameters()}
    assert len(backbone["params"]) + len(others["params"]) == len(list(network.parameters()))


def test_rates_move_together():
    optimiser = make_optimiser(make_network(), make_settings(lr=0.5, backbone_lr=0.25))
    set_rates(optimiser, 0.5)
    set_rates(optimiser, 0.1)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([0.025, 0.05])


@pytest.mark.parametrize(("batch_norm", "is_training"), [("train", True), ("frozen", False)])
def test_statistics_are_frozen_where_that_is_wished(batch_norm, is_training):
    network = make_network().eval()
    set_modes(network, make_settings(batch_norm=batch_norm))
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    assert norms
    assert {module.training for module in norms} == {is_training}
    assert network.training
    assert all(each.requires_grad for each in network.parameters())


def test_alone_the_network_itself_learns_what_it_is_to_minimise():
    network = make_network()
    learner = learning_network(network, make_settings(batch_norm="sync"), world_size=1)
    assert learner.network is network
    clips, labels = torch.rand(2, FRAMES, 3, SIZE_PX, SIZE_PX), torch.tensor([0, 1])
    output, loss = learner.train()(clips, labels)
    expected = two_stream_loss(output, labels, make_settings().objective)
    assert torch.equal(loss.total, expected.total)


def test_synchronised_statistics_keep_the_names_of_the_state():
    network = make_network()
    names = list(network.state_dict())
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    assert list(converted.state_dict()) == names
