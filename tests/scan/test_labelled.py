"""Listed videos meet their labels: what is left out, what is looked up, and what the store says otherwise."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.archive.listing import list_archive
from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.records import VideoRef
from gsgmodel.scan.labelled import (
    LABELLED_SCHEMA,
    LABELS,
    MADE_OF,
    TO_PREPARE,
    UNLABELLED,
    Labelled,
    LabelledRef,
)
from gsgmodel.scan.parts import planned_refs
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.planner import make_plan

BLANK = dict.fromkeys(("identity", "source_identity", "original_uri", "mask_uri"))


def labelled_video(path, **facts):
    return LabelledVideo(**({"uri": path.as_uri(), "label": 0, "method": "real", "split": "train"} | BLANK | facts))


@pytest.fixture
def archive(tmp_path):
    """A real video, two fakes made of it, and a mask; none of them is a video, which nobody here finds out."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for size_bytes, name in enumerate(("real.mp4", "fake 1.mp4", "fake 2.mp4", "mask.mp4"), start=1):
        (folder / name).write_bytes(b"x" * size_bytes)
    return folder


@pytest.fixture
def labelled(archive):
    real, first, second, mask = (archive / name for name in ("real.mp4", "fake 1.mp4", "fake 2.mp4", "mask.mp4"))
    videos = [
        labelled_video(real),
        labelled_video(first, label=1, method="swap", original_uri=real.as_uri(), mask_uri=mask.as_uri()),
        labelled_video(second, label=1, method="swap", original_uri=(archive / "gone.mp4").as_uri()),
    ]
    return Labelled(videos={video.uri: video for video in videos}, with_originals=True, s3_endpoint=None)


def listing(archive):
    return list(list_archive([str(archive)]))


def by_name(items):
    return {item.uri.rpartition("/")[2]: item for item in items}


def ref_of(path):
    return next(list_archive([str(path)]))


def test_videos_come_with_what_they_are_made_of_and_others_are_left_out(labelled, archive):
    found = by_name(labelled.attach([*listing(archive), LeftOut(uri="x", size_bytes=1, reason="missing", suffix="")]))
    assert found["mask.mp4"] == LeftOut(uri=(archive / "mask.mp4").as_uri(), size_bytes=4, reason=UNLABELLED, suffix="")
    assert found["x"].reason == "missing"
    real, first, second = (found[name] for name in ("real.mp4", "fake%201.mp4", "fake%202.mp4"))
    assert isinstance(real, VideoRef)
    assert (real.original, real.mask) == (None, None)
    assert first.original == asdict(ref_of(archive / "real.mp4"))
    assert first.mask == asdict(ref_of(archive / "mask.mp4"))
    assert second.original["uri"].endswith("/gone.mp4")
    assert (second.original["etag"], second.original["size_bytes"], second.mask) == ("", 0, None)


def test_originals_are_only_facts_where_boxes_are_a_fakes_own(labelled, archive):
    own = replace(labelled, with_originals=False)
    found = by_name(own.attach(listing(archive)))
    assert found["fake%201.mp4"].original is None
    assert found["fake%201.mp4"].mask is not None
    facts = own.facts(found["fake%201.mp4"].uri)
    assert (facts["original_uri"], facts["original_id"]) == ((archive / "real.mp4").as_uri(), None)


def test_facts_are_the_columns_of_the_index(labelled, archive):
    list(labelled.attach(listing(archive)))
    facts = labelled.facts((archive / "fake 1.mp4").as_uri())
    assert facts.keys() == {*LABELS, *MADE_OF}
    assert (facts["label"], facts["method"], facts["split"], facts["identity"]) == (1, "swap", "train", None)
    assert facts["original_id"] == ref_of(archive / "real.mp4").video_id
    assert facts["mask_id"] == ref_of(archive / "mask.mp4").video_id


@pytest.mark.parametrize(
    ("changes", "is_stale", "is_relabelled"),
    [
        ({}, False, False),
        ({"split": "val"}, False, True),
        ({"label": 0}, False, True),
        ({"identity": "anna"}, False, True),
        ({"mask_uri": "file:///elsewhere.mp4"}, False, True),
        ({"original_id": b"another"}, True, False),
        ({"mask_id": None, "split": "val"}, True, False),
    ],
)
def test_what_the_store_says_otherwise_is_made_or_labelled_anew(labelled, archive, changes, is_stale, is_relabelled):
    fake = ref_of(archive / "fake 1.mp4")
    list(labelled.attach(listing(archive)))
    held = {fake.video_id: labelled.facts(fake.uri) | changes}
    again = replace(labelled, held=held, stale=set(), relabelled={})
    list(again.attach(listing(archive)))
    assert again.stale == ({fake.video_id} if is_stale else set())
    assert again.relabelled == ({fake.video_id: fake.uri} if is_relabelled else {})


def test_a_plan_keeps_what_videos_are_made_of(labelled, archive, tmp_path):
    plan = make_plan(
        labelled.attach(listing(archive)),
        is_done=lambda ids: np.zeros(len(ids), bool),
        limit=None,
        folder=tmp_path / "plan",
        kind=TO_PREPARE,
    )
    rows = planned_refs(plan.path, most=9)
    assert [row["uri"].rpartition("/")[2] for row in rows] == ["fake%202.mp4", "fake%201.mp4", "real.mp4"]
    assert rows[1]["mask"] == asdict(ref_of(archive / "mask.mp4"))
    assert rows[2]["original"] is None
    assert plan.left_out == {UNLABELLED: 1}
    assert set(PLAN_SCHEMA.names) < set(LABELLED_SCHEMA.names)


def test_a_listing_without_companions_is_read_one_by_one(archive):
    real = labelled_video(archive / "real.mp4")
    labelled = Labelled(videos={real.uri: real}, with_originals=True, s3_endpoint=None)

    def listed():
        yield ref_of(archive / "real.mp4")
        raise AssertionError("read on")

    first = next(labelled.attach(listed()))
    assert isinstance(first, LabelledRef)


def test_companions_on_a_store_are_looked_up(s3, bucket, s3_environment):
    for key in ("fake.mp4", "real.mp4"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    uris = [f"s3://{bucket}/{name}" for name in ("fake.mp4", "real.mp4", "gone.mp4")]
    fake = LabelledVideo(
        uri=uris[0], label=1, method="x", split="val", **(BLANK | {"original_uri": uris[1], "mask_uri": uris[2]})
    )
    labelled = Labelled(videos={fake.uri: fake}, with_originals=True, s3_endpoint=s3_environment)
    found = by_name(labelled.attach(list_archive([f"s3://{bucket}"], s3_endpoint=s3_environment)))
    assert found["fake.mp4"].original["size_bytes"] == len("real.mp4")
    assert found["fake.mp4"].mask["etag"] == ""
