import math

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.model.objective import Objective, check_loss


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cross_entropy": "fusion", "detach_global": False}, "teaches the global stream nothing but to be wrong"),
        ({"cross_entropy": "hinge"}, "accepted are sum, mean, averaged, fusion"),
        ({"guide_weight": -1.0}, "guide_weight is -1.0"),
        ({"guide_weight": math.nan}, "guide_weight is nan"),
    ],
)
def test_settings_that_cannot_train_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        check_loss(**{"cross_entropy": "sum", "guide_weight": 1.0, "detach_global": True, **changes})


def test_an_objective_is_checked_when_it_is_made():
    assert Objective() == Objective(cross_entropy="sum", guide_weight=1.0, detach_global=True)
    with pytest.raises(ConfigError, match="guide_weight is -1"):
        Objective(guide_weight=-1.0)


def test_without_a_guide_nothing_pushes_the_global_stream_down():
    check_loss(cross_entropy="fusion", guide_weight=0.0, detach_global=False)
