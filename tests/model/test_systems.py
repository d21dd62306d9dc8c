"""Every system by name."""

import pytest
import torch

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.systems import NAMES, architecture_of, find_system
from gsgmodel.model.weights import empty_network, empty_state


@pytest.mark.parametrize("name", NAMES)
def test_a_system_is_found_by_its_name_and_its_architecture_leads_back_to_it(name):
    system = find_system(name)
    assert system.name == name
    for values in ({}, system.small):
        config = system.architecture(values)
        assert config.system == name
        assert architecture_of(config.to_dict()) == config


@pytest.mark.parametrize("name", NAMES)
def test_what_differs_is_one_sentence(name):
    system = find_system(name)
    assert system.differs.endswith(".")
    assert system.differs[:-1].count(". ") == 0
    assert system.title


@pytest.mark.parametrize("name", NAMES)
def test_a_network_needs_no_memory_until_it_has_weights(name):
    system = find_system(name)
    network = empty_network(system.architecture({}))
    assert all(value.is_meta for value in network.parameters())
    assert {value.dtype for _, value in empty_state(network.config)} <= {torch.float32, torch.int64}
    assert list(network.backbone.parameters())


def test_an_architecture_from_before_there_were_others_is_the_papers():
    assert architecture_of({"layers": 2}) == GSGConfig(layers=2)
    assert "model" not in GSGConfig().to_dict()


def test_a_system_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match=r"there is no system 'mesonett'; accepted are gsg, mesonet"):
        find_system("mesonett")
    with pytest.raises(ConfigError, match="there is no system"):
        architecture_of({"model": "other"})
