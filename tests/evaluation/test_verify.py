"""Scores of a table are held against those of today: what agrees, what moved, what is another object by now."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import torch

from gsgmodel.datasets.made import make_videos
from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.verify import HowScored, doubts, draw_sample, score_again
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import read_model, save_model
from gsgmodel.results.runs import RunFolder
from gsgmodel.results.schema import SCHEMA_VERSION, VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.opening import scoring_id
from gsgmodel.scoring.video import VideoScorer, find_video
from gsgmodel.upkeep.settings import VerifySettings
from gsgmodel.upkeep.snapshot import Snapshot

HOW = {"faces": "largest", "window_s": 30.0, "max_clips": 4}
NUM_VIDEOS = 3
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def write_model(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    config = GSGConfig(backbone="tiny", hidden=16, layers=2, attention_hidden=8)
    save_model(folder, GSGModel(config), ModelSettings(architecture=config))
    return folder


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, videos, and an output as a scan of them leaves it."""
    folder = tmp_path_factory.mktemp("scored")
    files = read_model(write_model(folder / "model"))
    make_videos(folder / "videos", num_videos=NUM_VIDEOS, seconds=1.0, size_px=192, seed=4)
    scorer = VideoScorer(files, **HOW)
    key = scoring_id(model_digest=files.digest, preparation=files.settings.preparation, **HOW)
    rows = []
    for path in sorted((folder / "videos").glob("*.mp4")):
        ref = find_video(str(path))
        found = scorer.score(ref)
        row = dict.fromkeys(VIDEOS.names) | {name: found[name] for name in VIDEOS.names if name in found}
        rows.append(
            row
            | {name: getattr(ref, name) for name in ("video_id", "uri", "etag", "size_bytes")}
            | {"scoring_id": key, "model_uri": str(folder / "model"), "model_digest": files.digest, "run_id": "run"}
            | {"scored_at": NOW, "schema_version": SCHEMA_VERSION}
        )
    assert {row["status"] for row in rows} == {"scored"}
    table = VideoTable.open_or_create(str(folder / "out"))
    table.append(pa.Table.from_pylist(rows, schema=VIDEOS), key=key)
    RunFolder.create(str(folder / "out"), "run").write_settings(HOW)
    return folder


@pytest.fixture
def mine(scored: Path, tmp_path: Path):
    """The same, to be spoilt; ``changed(table)`` edits its rows."""
    shutil.copytree(scored / "out", tmp_path / "out")

    def changed(change) -> Snapshot:
        rows = VideoTable.open(str(tmp_path / "out")).rows().to_pylist()
        shutil.rmtree(tmp_path / "out" / "videos")
        table = VideoTable.open_or_create(str(tmp_path / "out"))
        for row in rows:
            change(row)
        for key in {row["scoring_id"] for row in rows}:
            some = [row for row in rows if row["scoring_id"] == key]
            table.append(pa.Table.from_pylist(some, schema=VIDEOS), key=key)
        return Snapshot.open(str(tmp_path / "out"))

    return changed


def verified(snapshot, folder, **settings):
    sample, files = draw_sample(snapshot, VerifySettings(**settings), folder=folder)
    return list(score_again(sample, files))


def test_scores_that_were_just_made_agree(scored, tmp_path):
    snapshot = Snapshot.open(str(scored / "out"))
    sample, files = draw_sample(snapshot, VerifySettings(), folder=tmp_path)
    assert sample.how == HowScored(**HOW)
    assert doubts(sample, files) == []
    found = list(score_again(sample, files))
    assert [video.outcome for video in found] == ["agrees"] * NUM_VIDEOS
    assert all(video.now == pytest.approx(video.before, abs=1e-6) for video in found)


def test_a_score_that_moved_is_found(mine, tmp_path):
    def move(row):
        if row["uri"].endswith("00.mp4") or "000" in row["uri"]:
            row["score"] = 0.0 if row["score"] > 0.5 else 1.0

    found = verified(mine(move), tmp_path)
    assert sorted(video.outcome for video in found) == ["agrees"] * (NUM_VIDEOS - 1) + ["moved"]
    (moved,) = [video for video in found if video.outcome == "moved"]
    assert abs(moved.before - moved.now) > 0.01


def test_a_video_that_is_scored_no_more_moved(mine, tmp_path, scored):
    videos = tmp_path / "videos"
    shutil.copytree(scored / "videos", videos)
    for path in videos.glob("*.mp4"):
        path.write_bytes(b"no video at all")

    def point_there(row):
        ref = find_video(str(videos / row["uri"].rpartition("/")[2]))
        row.update(uri=ref.uri, video_id=ref.video_id)

    found = verified(mine(point_there), tmp_path)
    assert {(video.outcome, video.text, video.now) for video in found} == {("moved", "unreadable", None)}


@pytest.mark.parametrize(("is_gone", "text"), [(True, "missing"), (False, "replaced")])
def test_an_object_that_is_another_one_or_gone_says_nothing_of_its_score(mine, tmp_path, is_gone, text):
    path = tmp_path / "other.mp4"
    if not is_gone:
        path.write_bytes(b"another one")

    found = verified(mine(lambda row: row.update(uri=path.as_uri())), tmp_path)
    assert {(video.outcome, video.text) for video in found} == {("changed", text)}


def test_a_sample_is_the_same_for_a_seed_and_another_for_another(scored, tmp_path):
    snapshot = Snapshot.open(str(scored / "out"))

    def uris(seed):
        sample, _ = draw_sample(snapshot, VerifySettings(sample=1, seed=seed), folder=tmp_path)
        return [row["uri"] for row in sample.rows]

    assert uris(3) == uris(3)
    assert len({uris(seed)[0] for seed in range(12)}) > 1


def test_the_newest_scoring_is_taken_or_that_of_the_model_that_is_named(mine, scored, tmp_path):
    other = write_model(tmp_path / "other", seed=1)
    digest = read_model(other).digest

    def newer(row):
        if "000" in row["uri"]:
            row.update(scoring_id="t", model_uri=str(other), model_digest=digest, scored_at=datetime.now(UTC))

    snapshot = mine(newer)
    assert draw_sample(snapshot, VerifySettings(), folder=tmp_path)[0].scoring_id == "t"
    sample, files = draw_sample(snapshot, VerifySettings(model=str(scored / "model")), folder=tmp_path)
    assert (len(sample.rows), files.uri) == (NUM_VIDEOS - 1, (scored / "model").as_uri())


def test_without_the_settings_of_the_run_the_defaults_are_used_and_said(scored, tmp_path):
    shutil.copytree(scored / "out", tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "runs")
    sample, files = draw_sample(Snapshot.open(str(tmp_path / "out")), VerifySettings(), folder=tmp_path)
    assert sample.how is None
    settings, scoring = doubts(sample, files)
    assert settings.startswith("no run has its settings any more: scored with how.faces='all'")
    assert "another scoring" in scoring


def test_a_model_that_changed_or_that_nothing_was_scored_by_is_refused(mine, scored, tmp_path):
    changed = mine(lambda row: row.update(model_digest="f" * 64))
    with pytest.raises(ConfigError, match=r"has the digest \w{12} now, the scores are of ffffffffffff"):
        draw_sample(changed, VerifySettings(), folder=tmp_path)
    other = VerifySettings(model=str(write_model(tmp_path / "other", seed=1)))
    with pytest.raises(ConfigError, match="holds no scores by the model that --model names"):
        draw_sample(Snapshot.open(str(scored / "out")), other, folder=tmp_path)


def test_a_table_without_scores_is_refused(tmp_path):
    VideoTable.open_or_create(str(tmp_path))
    with pytest.raises(ConfigError, match="holds no scores; accepted: one that holds some"):
        draw_sample(Snapshot.open(str(tmp_path)), VerifySettings(), folder=tmp_path)


def test_objects_of_a_store_are_scored_again_at_the_endpoint_that_is_named(
    mine, scored, tmp_path, s3_server, s3, bucket, monkeypatch
):
    for path in (scored / "videos").glob("*.mp4"):
        s3.put_object(Bucket=bucket, Key=path.name, Body=path.read_bytes())
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    sample = []

    def to_store(row):
        with monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL_S3", s3_server)
            ref = find_video(f"s3://{bucket}/{row['uri'].rpartition('/')[2]}")
        row.update(uri=ref.uri, video_id=ref.video_id)

    snapshot = mine(to_store)
    sample, files = draw_sample(snapshot, VerifySettings(sample=1), folder=tmp_path)
    (video,) = score_again(sample, files, s3_endpoint=s3_server)
    assert (video.outcome, video.uri[:5]) == ("agrees", "s3://")
