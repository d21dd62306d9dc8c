"""A network small enough to train in a test."""

import pytest

from gsgmodel.model.config import GSGConfig


@pytest.fixture(scope="session")
def small() -> GSGConfig:
    """At 128 px: a feature map of 4x4 and 4 patches."""
    return GSGConfig(backbone="tiny", hidden=16, layers=2, num_selected=2, attention_hidden=8)
