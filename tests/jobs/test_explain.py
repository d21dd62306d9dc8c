"""The job that explains videos."""

import json

import pytest
from PIL import Image

from gsgmodel.datasets.made import make_videos
from jobs.explain import app
from tests.scoring.test_explain import make_files


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    full, local, other = (tmp_path_factory.mktemp(name) for name in ("full", "local", "other"))
    make_files(full)
    make_files(local, streams="local")
    make_files(other, frames_per_clip=8)
    return {"full": full, "local": local, "other": other}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    make_videos(folder, num_videos=1, seconds=1.0, size_px=192, seed=3)
    return next(folder.glob("*.mp4"))


@pytest.fixture
def run(running):
    return running(app)


def test_a_video_is_explained_by_both_models_as_a_picture_and_on_a_page(run, models, video, tmp_path):
    tokens = [video, "--model", models["full"], "--compare", models["local"], "--window-s", "0.4", "--clips", "2"]
    code, out, err = run(*tokens, "--json")
    assert code == 0
    facts = [json.loads(line) for line in out.splitlines()]
    assert [each["model"] for each in facts] == [str(models["full"]), str(models["local"])]
    assert all(0 < each["score"] < 1 for each in facts)
    assert "explained 1 of 1 videos: explained/index.html" in err
    page = (tmp_path / "explained" / "index.html").read_text()
    assert page.count("<article>") == 2
    assert page.count("chosen patches</figcaption>") == 4
    sizes = {Image.open(path).size for path in (tmp_path / "explained").glob("*.png")}
    assert len(list((tmp_path / "explained").glob("001-clip-*.png"))) == 2
    assert len(sizes) == 1


def test_a_video_that_cannot_be_read_or_found_leaves_the_others_explained(run, models, video, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    code, out, err = run(video, "nope.mp4", "broken.mp4", "--model", models["full"])
    assert code == 1
    assert "nope.mp4: missing" in err
    assert "explained 2 of 3" in err
    assert "unreadable" in out
    page = (tmp_path / "explained" / "index.html").read_text()
    assert "unreadable:" in page


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "VIDEO is missing"),
        (["{video}", "--model", "nowhere"], "nowhere"),
        (["{video}", "--model", "{full}", "--compare", "nowhere"], "nowhere"),
        (["{video}", "--model", "{full}", "--clips", "0"], "--clips is 0"),
        (["{video}", "--model", "{full}", "--output", "{video}"], "which cannot be made"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, models, video, tokens, message):
    code, out, err = run(*(token.format(video=video, **models) for token in tokens))
    assert (code, out) == (2, "")
    assert message in err
