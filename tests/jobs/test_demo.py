"""The demo's command line; the whole of it is in tests/end_to_end."""

import pytest

from jobs import demo
from jobs.terminal import run_app


@pytest.mark.parametrize(("tokens", "named"), [(("--num-videos", "many"), "many"), (("a.mp4",), "a.mp4")])
def test_what_cannot_be_parsed_is_refused(capsys, tokens, named):
    assert run_app(demo.app, tokens) == 2
    assert named in capsys.readouterr().err


def test_too_few_videos_to_hold_any_out_are_one_sentence(tmp_path, capsys):
    assert run_app(demo.app, ["--folder", str(tmp_path), "--num-videos", "4"]) == 2
    assert "--num-videos is 4; accepted: 10 or more" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
