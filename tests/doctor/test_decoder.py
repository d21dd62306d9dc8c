"""FFmpeg's holes and the decoder's cage, as findings."""

import pytest

from gsgmodel.doctor import decoder as module
from gsgmodel.doctor.decoder import check_decoder, check_ffmpeg, check_measures
from gsgmodel.video.advisories import ADVISORIES
from gsgmodel.video.confine import FULL
from gsgmodel.video.process import SandboxError


def test_the_decoder_of_this_machine_is_looked_at():
    ffmpeg, sandbox = check_decoder()
    assert ffmpeg.verdict in {"ok", "warning"}
    assert ffmpeg.text[0].isdigit()
    assert sandbox.verdict in {"ok", "warning"}
    assert sandbox.text.startswith("process+limits")


def test_a_hole_that_a_file_can_reach_is_unsafe(monkeypatch):
    monkeypatch.setattr(module, "known_holes", lambda _release: (list(ADVISORIES[:1]), list(ADVISORIES[1:])))
    finding = check_ffmpeg("8.1.2")
    assert finding.verdict == "unsafe"
    assert finding.text.startswith("8.1.2, open to CVE-2026-107697 (a playlist ")
    assert "newer" in finding.fix


def test_holes_that_no_file_can_reach_are_a_warning_and_none_is_ok():
    assert check_ffmpeg("8.1.2").verdict == "warning"
    assert check_ffmpeg("8.1.2").text.count("CVE-2026-65704") == 1
    assert check_ffmpeg("8.1.3").verdict == "ok"


def test_a_build_that_is_no_release_is_a_warning():
    finding = check_ffmpeg("N-118000-gabcdef")
    assert (finding.verdict, "no release" in finding.text) == ("warning", True)


def test_a_whole_cage_is_ok():
    assert check_measures(FULL).verdict == "ok"


@pytest.mark.parametrize("missing", FULL)
def test_what_is_missing_of_the_cage_is_named_with_what_it_needs(missing):
    finding = check_measures([name for name in FULL if name != missing])
    assert finding.verdict == "warning"
    assert f"without {missing}" in finding.text
    assert "--sandbox require" in finding.fix


def test_a_decoder_that_does_not_start_is_a_failure(monkeypatch):
    class Broken(module.Sandbox):
        @property
        def measures(self):
            raise SandboxError("the process that decodes does not start: no room")

    monkeypatch.setattr(module, "Sandbox", Broken)
    _, sandbox = check_decoder()
    assert (sandbox.verdict, sandbox.text) == ("failed", "the process that decodes does not start: no room")
