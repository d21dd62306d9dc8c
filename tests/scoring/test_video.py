"""One video at a time: the same row as the stages of a scan make, and a row whatever happens."""

from dataclasses import asdict
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
import torch

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.datasets.made import make_videos
from gsgmodel.errors import ConfigError, MissingError, Status, UnavailableError
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.reference import build_network
from gsgmodel.model.settings import Calibration, ModelSettings
from gsgmodel.model.weights import read_model, save_model
from gsgmodel.results.schema import VIDEOS
from gsgmodel.scan.rows import SCORED_SCHEMA, prepared_row
from gsgmodel.scan.score import scored_row
from gsgmodel.scan.sinks import Provenance, videos_of
from gsgmodel.scoring.network import ClipScorer, combine_with
from gsgmodel.scoring.prepare import PreparedVideo, VideoPreparer
from gsgmodel.scoring.video import COLUMNS, VideoScorer, find_video, prepared_facts, scored_facts


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    torch.manual_seed(0)
    config = GSGConfig(backbone="tiny", hidden=16, layers=2, attention_hidden=8)
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, GSGModel(config), ModelSettings(architecture=config, calibration=Calibration(slope=2.0)))
    return read_model(folder)


@pytest.fixture(scope="module")
def scorer(files):
    return VideoScorer(files, window_s=0.5)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    make_videos(folder, num_videos=1, seconds=1.0, size_px=192, seed=3)
    return next(folder.glob("*.mp4"))


def row_of_a_scan(ref, files, *, window_s):
    """What the stages make of a video, without Ray: the table's row."""
    preparation = files.settings.preparation
    detector = FaceDetector.of(preparation)
    prepared = VideoPreparer(
        detector=detector,
        preparation=preparation,
        faces="all",
        window_s=window_s,
        max_clips=32,
    ).prepare(partial(open_object, ref))
    row = prepared_row(asdict(ref), prepared, cpu_s=0.0).drop_columns(["crops"]).to_pylist()[0]
    scored = []
    if prepared.clips:
        network = ClipScorer(build_network(files), batch_clips=4, device="cpu")
        (scored,) = network.score([np.stack([clip.crops for clip in prepared.clips])])
    done = scored_row(row, scored, combine=combine_with(files), cpu_s=0.0)
    told = Provenance(
        scoring_id="s", run_id="r", model_uri=files.uri, model_version=files.version, model_digest=files.digest
    )
    return videos_of(pa.Table.from_pylist([done], schema=SCORED_SCHEMA), told).to_pylist()[0]


def test_a_video_has_the_row_that_a_scan_writes(scorer, files, video):
    ref = next(list_archive([str(video)]))
    row = scorer.score(ref)
    in_the_table = row_of_a_scan(ref, files, window_s=0.5)
    assert row == {name: in_the_table[name] for name in COLUMNS}
    assert (row["status"], row["num_clips"], row["model_version"]) == ("scored", 2, files.version)
    assert scorer.score_named(str(video)) == row == scorer.score_named(video.as_uri())


def test_what_has_no_score_has_the_row_that_a_scan_writes_too(scorer, files, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    ref = next(list_archive([str(tmp_path / "broken.mp4")]))
    row = scorer.score(ref)
    in_the_table = row_of_a_scan(ref, files, window_s=0.5)
    assert row == {name: in_the_table[name] for name in COLUMNS}
    assert (row["status"], row["score"], row["faces"]) == ("unreadable", None, [])


def test_settings_change_the_clips(files, video):
    row = VideoScorer(files, faces="largest", window_s=0.25, max_clips=3, batch_clips=2).score_named(str(video))
    assert (row["num_faces"], row["num_clips"], row["notes"]) == (1, 3, ["windows_widened"])


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("/nowhere/a.mp4", "missing", "MissingError"),
        ("/", "missing", "MissingError"),
        ("", "missing", "ConfigError"),
        ("ftp://me:hunter22@host/a.mp4", "missing", "ConfigError"),
        ("s3://bucket", "missing", "MissingError"),
    ],
)
def test_what_cannot_be_found_is_a_row(scorer, name, status, kind):
    row = scorer.score_named(name)
    assert tuple(row) == COLUMNS
    assert (row["status"], row["error_class"], row["score"], row["num_faces"]) == (status, kind, None, 0)
    assert row["error_text"]
    assert "hunter22" not in row["uri"] + row["error_text"]


def test_a_file_is_found_whatever_it_is_called(tmp_path):
    path = tmp_path / "no suffix #1.csv"
    path.write_bytes(b"x")
    assert find_video(str(path)) == find_video(path.as_uri())
    assert find_video(str(path)).size_bytes == 1


def test_what_is_not_there_is_an_error_that_says_so(tmp_path):
    with pytest.raises(MissingError, match="missing when it was looked up"):
        find_video(str(tmp_path / "a.mp4"))
    with pytest.raises(MissingError, match="not a file when it was looked up"):
        find_video(str(tmp_path))
    with pytest.raises(ConfigError):
        find_video("http://host/a.mp4")


def test_an_object_of_s3_has_the_score_of_the_same_file(s3, s3_environment, bucket, scorer, video, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_environment)
    s3.put_object(Bucket=bucket, Key="a b.mp4", Body=video.read_bytes())
    row = scorer.score_named(f"s3://{bucket}/a b.mp4")
    assert row == {**scorer.score_named(str(video)), "uri": f"s3://{bucket}/a b.mp4"}
    assert scorer.score_named(f"s3://{bucket}/none.mp4")["status"] == "missing"


def test_columns_are_the_tables_in_its_order():
    assert [name for name in VIDEOS.names if name in COLUMNS and not name.startswith("model")] == [
        name for name in COLUMNS if not name.startswith("model") and name != "notes"
    ] + ["notes"]
    assert set(COLUMNS) <= set(VIDEOS.names)


def test_facts_of_a_video_without_clips_say_that_it_has_no_faces():
    facts = prepared_facts(PreparedVideo(decoder="av 1", status=Status.NO_FACE, bytes_read=7))
    assert (facts["status"], facts["clips"], facts["duration_s"], facts["bytes_read"]) == ("no_face", [], None, 7)
    assert scored_facts(facts, [], combine=max) == {"num_faces": 0, "num_clips": 0, "faces": []}


def test_a_store_that_does_not_answer_is_unavailable(monkeypatch):
    from gsgmodel.archive.candidates import LeftOut
    from gsgmodel.scoring import video as module

    left_out = LeftOut(uri="s3://b/a", size_bytes=0, reason="unavailable", suffix="")
    monkeypatch.setattr(module, "named_object", lambda *_, **__: left_out)
    with pytest.raises(UnavailableError):
        find_video("s3://bucket/a")
