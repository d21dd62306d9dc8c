"""The only encoder."""

from fractions import Fraction

import av
import numpy as np
import pytest

from gsgmodel.video.write import Encoding, write_alike, write_video


def test_what_is_written_is_read_back(numbered_pictures, decode_everything, tmp_path):
    path = tmp_path / "a.mp4"
    drawn = list(numbered_pictures(10))
    assert write_video(path, iter(drawn), fps=25, encoding=Encoding(crf=1, pixel_format="yuv444p")) == 10
    for found, expected in zip(decode_everything(path), drawn, strict=True):
        assert np.abs(found.astype(int) - expected).mean() < 3


def test_the_plain_form_plays_everywhere(numbered_pictures, tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, numbered_pictures(10), fps=Fraction(30000, 1001))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == Fraction(30000, 1001)
        assert (stream.width, stream.height, stream.frames) == (128, 96, 10)


def test_lossless_is_lossless(numbered_pictures, decode_everything, tmp_path):
    path = tmp_path / "a.mov"
    drawn = list(numbered_pictures(4))
    write_video(path, drawn, fps=25, encoding=Encoding(codec="qtrle", pixel_format="rgb24"))
    np.testing.assert_array_equal(decode_everything(path), drawn)


def test_the_same_pictures_give_the_same_bytes(numbered_pictures, tmp_path):
    written = []
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered_pictures(10), fps=25)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]


def test_keys_come_no_further_apart_than_asked(numbered_pictures, tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, numbered_pictures(40), fps=25, encoding=Encoding(gop=10))
    with av.open(str(path)) as container:
        keys = [i for i, packet in enumerate(container.demux(video=0)) if packet.size and packet.is_keyframe]
    assert max(np.diff([*keys, 40])) <= 10


def test_times_are_kept(numbered_pictures, tmp_path):
    path = tmp_path / "a.mp4"
    times = [0.0, 0.1, 0.15, 0.9]
    write_video(path, numbered_pictures(4), fps=25, time_s=times)
    with av.open(str(path)) as container:
        found = [frame.time for frame in container.decode(video=0)]
    assert found == pytest.approx(times, abs=1e-4)


def test_a_name_is_a_name_and_nothing_else(numbered_pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("-dash.mp4", "concat:a|b.mp4", "per%d cent.mp4", "file:a.mp4"):
        write_video(tmp_path / name, numbered_pictures(2), fps=25)
        assert (tmp_path / name).is_file()


def test_no_frames_make_no_video(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        write_video(tmp_path / "a.mp4", [], fps=25)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_video_is_written_as_large_as_another(codec, tmp_path):
    rng = np.random.default_rng(0)
    cloud = np.cumsum(np.cumsum(rng.normal(0, 1, (240, 320, 3)), axis=0), axis=1) % 200
    plain = [cloud[i : i + 192, 2 * i : 2 * i + 256].astype(np.uint8) for i in range(24)]
    busy = [cloud[i : i + 192, 3 * i : 3 * i + 256][:, ::-1].astype(np.uint8) for i in rng.permutation(21)]
    encoding = Encoding(codec=codec, options={"preset": "veryfast"})
    write_video(tmp_path / "a.mp4", plain, fps=25, encoding=encoding)
    size_bytes = (tmp_path / "a.mp4").stat().st_size
    write_video(tmp_path / "b.mp4", busy, fps=25, encoding=encoding)
    assert (tmp_path / "b.mp4").stat().st_size > 1.05 * size_bytes
    crf = write_alike(tmp_path / "b.mp4", busy, fps=25, encoding=encoding, size_bytes=size_bytes)
    assert crf > encoding.crf
    assert (tmp_path / "b.mp4").stat().st_size == pytest.approx(size_bytes, rel=0.01)


def test_where_no_quality_is_fitting_the_closest_is_taken(numbered_pictures, tmp_path):
    assert (
        write_alike(tmp_path / "a.mp4", list(numbered_pictures(2)), fps=25, encoding=Encoding(), size_bytes=1) == 51.0
    )


def test_an_encoder_without_a_constant_quality_cannot_be_fitted(numbered_pictures, tmp_path):
    drawn = list(numbered_pictures(2))
    with pytest.raises(ValueError, match="mpeg4 has no constant quality"):
        write_alike(tmp_path / "a.mp4", drawn, fps=25, encoding=Encoding(codec="mpeg4"), size_bytes=1000)
