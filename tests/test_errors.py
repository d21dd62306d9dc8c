from gsgmodel import errors
from gsgmodel.errors import TERMINAL, Status, VideoError

WORLDS_FAULT = {Status.CHANGED, Status.MISSING, Status.DENIED, Status.UNAVAILABLE}


def test_a_status_is_terminal_unless_it_is_the_worlds_fault():
    assert set(Status) - TERMINAL == WORLDS_FAULT


def test_every_way_to_fail_has_its_own_error_and_a_crash_and_a_missing_face_have_none():
    statuses = [kind.status for kind in VideoError.__subclasses__() if kind.__module__ == errors.__name__]
    assert len(statuses) == len(set(statuses))
    assert set(Status) - set(statuses) == {Status.SCORED, Status.NO_FACE, Status.CRASHED}


def test_a_status_is_written_as_its_word():
    assert f"{Status.NO_FACE}" == "no_face"
    assert Status("no_face") is Status.NO_FACE
