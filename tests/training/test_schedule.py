import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.training.schedule import lr_factor


def factors(schedule, *, steps_per_epoch=10, epochs=4, warmup_epochs=0.0, fall=(10, 0.1)):
    return [
        lr_factor(
            step,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            schedule=schedule,
            warmup_epochs=warmup_epochs,
            fall=fall,
        )
        for step in range(steps_per_epoch * epochs)
    ]


def test_a_cosine_begins_at_one_is_half_in_the_middle_and_ends_near_zero():
    found = factors("cosine")
    assert (found[0], found[20]) == (1.0, pytest.approx(0.5))
    assert 0 < found[-1] < 0.01
    assert found == sorted(found, reverse=True)


def test_steps_fall_at_the_beginning_of_an_epoch():
    found = factors("step", fall=(2, 0.5))
    assert found == [1.0] * 20 + [0.5] * 20


def test_a_constant_is_one():
    assert set(factors("constant")) == {1.0}


def test_a_warm_up_rises_from_above_zero_and_then_the_schedule_begins():
    found = factors("cosine", warmup_epochs=1.0)
    assert found[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert found[10] == 1.0


@given(
    st.sampled_from(["cosine", "step", "constant"]),
    st.integers(1, 20),
    st.integers(1, 10),
    st.floats(0, 12),
)
def test_every_factor_is_between_zero_and_one(schedule, steps_per_epoch, epochs, warmup_epochs):
    found = factors(schedule, steps_per_epoch=steps_per_epoch, epochs=epochs, warmup_epochs=warmup_epochs)
    assert all(0 <= factor <= 1 for factor in found)
