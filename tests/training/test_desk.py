from gsgmodel.training import desk
from gsgmodel.training.desk import Desk, Point


def test_what_is_left_is_taken_once_in_order():
    held = Desk()
    points = [Point(step=step, metrics={"loss": 1.0}) for step in range(3)]
    for point in points:
        held.tell(point)
    assert held.take() == (points, None)
    assert held.take() == ([], None)


def test_the_first_reason_counts_and_stays():
    held = Desk()
    assert not held.has_failed()
    held.fail("the loss is no number")
    assert held.has_failed()
    held.fail("a worker died")
    assert held.take() == ([], "the loss is no number")
    assert held.take() == ([], "the loss is no number")


def test_a_wish_to_stop_is_heard_by_all():
    held = Desk()
    assert not held.is_to_stop()
    held.ask_to_stop()
    assert held.is_to_stop()
    assert held.is_to_stop()


def test_a_driver_that_does_not_listen_costs_no_memory(monkeypatch):
    monkeypatch.setattr(desk, "MOST_POINTS", 2)
    held = Desk()
    for step in range(5):
        held.tell(Point(step=step, metrics={}))
    assert [point.step for point in held.take()[0]] == [0, 1]
