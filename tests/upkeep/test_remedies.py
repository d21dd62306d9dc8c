"""What a person can do about a video without a score."""

from gsgmodel.errors import Status
from gsgmodel.scan.summary import LEFT, LOST
from gsgmodel.upkeep.remedies import REMEDIES


def test_there_is_a_sentence_for_whatever_can_become_of_a_video():
    assert set(REMEDIES) == {*Status, LEFT, LOST}


def test_statuses_to_retry_are_statuses():
    from gsgmodel.scan.settings import ScanSettings

    named = [text.split("--retry ")[1].split()[0] for text in REMEDIES.values() if "--retry " in text]
    assert named == ["timeout", "crashed"]
    ScanSettings(retry=tuple(named))
