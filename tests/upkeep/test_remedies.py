"""What a person can do about a video without a score."""

from gsgmodel.errors import Status
from gsgmodel.scan.summary import LEFT, LOST
from gsgmodel.upkeep.remedies import REMEDIES


def test_there_is_a_sentence_for_whatever_can_become_of_a_video():
    assert set(REMEDIES) == {*Status, LEFT, LOST}


def test_settings_that_are_named_are_there():
    from gsgmodel.scan.settings import ScanSettings

    decode = ScanSettings().decode
    for text in REMEDIES.values():
        for flag in (word.strip(",);") for word in text.split() if "--decode." in word):
            assert hasattr(decode, flag.strip("(").removeprefix("--decode.").replace("-", "_")), flag
