"""What a model said of a few clips where it was registered, held against what it says here."""

import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.model.reference import build_network, resolve_model
from gsgmodel.model.settings import Calibration
from gsgmodel.scoring import canary as canary_module
from gsgmodel.scoring.canary import (
    CANARY_NAME,
    MAX_BYTES,
    MAX_HEADER_BYTES,
    NAMES,
    TOLERANCE,
    check_canary,
    is_fit_for_bfloat16,
    make_canary,
    parse_canary,
    read_canary,
)
from gsgmodel.scoring.network import ClipScorer, combine_with
from gsgmodel.scoring.verdict import track_scores
from tests.small_model import draw_crops, make_network, write_files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("model"), make_network(), calibration=Calibration(slope=1.5))


@pytest.fixture(scope="module")
def canary(files):
    return make_canary(files, draw_crops(2))


def changed(canary, files, *, digest=None, **tensors):
    held = safetensors.numpy.load(canary)
    return safetensors.numpy.save({**held, **tensors}, metadata={"model_digest": digest or files.digest})


def test_a_model_judges_its_canary_as_it_did(files, canary):
    assert check_canary(files, canary, tolerance=1e-5) < 1e-5


def test_what_is_held_are_the_clips_and_what_a_scan_says_of_each(files, canary):
    held = parse_canary(files, canary)
    crops = draw_crops(2)
    assert np.array_equal(held.crops, crops)
    (clips,) = ClipScorer(build_network(files), batch_clips=2, device="cpu").score([crops])
    for said, clip in zip(held.said, clips, strict=True):
        score = track_scores([clip], combine=combine_with(files)).score
        assert dict(zip(NAMES, said, strict=True)) == pytest.approx(
            {"global margin": clip.margin_global, "fusion margin": clip.margin_fusion, "score": score}, abs=1e-5
        )


def test_any_number_of_threads_judges_alike(files, canary):
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert check_canary(files, canary) < 1e-4
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("column", "name"), list(enumerate(NAMES)))
@pytest.mark.parametrize("clip", [0, 1])
def test_a_number_of_any_clip_that_differs_is_found_out_and_named(files, canary, clip, column, name):
    said = parse_canary(files, canary).said.copy()
    said[clip, column] += 2 * TOLERANCE
    message = rf"judges otherwise on this machine .* a {name} differs by 0\.02, and 0\.01 is accepted"
    with pytest.raises(ConfigError, match=message):
        check_canary(files, changed(canary, files, said=said))


@pytest.mark.parametrize("share", [-0.9, 0.9])
def test_what_rounding_may_do_is_accepted(files, canary, share):
    said = parse_canary(files, canary).said + share * TOLERANCE
    assert check_canary(files, changed(canary, files, said=said)) == pytest.approx(0.9 * TOLERANCE, abs=1e-5)


def test_what_is_no_number_is_no_agreement(files, canary):
    said = np.full((2, len(NAMES)), np.nan)
    with pytest.raises(ConfigError, match="differs by nan"):
        check_canary(files, changed(canary, files, said=said))


def test_a_machine_where_the_network_gives_no_number_is_found_out(files, canary):
    tensors = safetensors.numpy.load(files.weights)
    broken = {name: value * np.float32(1e30) if value.dtype == np.float32 else value for name, value in tensors.items()}
    with pytest.raises(ConfigError, match=r"judges otherwise on this machine: .* not finite"):
        check_canary(replace(files, weights=safetensors.numpy.save(broken)), canary)


def test_a_canary_of_another_model_is_refused_before_it_is_judged(files, canary, tmp_path):
    network = make_network()
    with torch.no_grad():
        network.temporal["fusion_stream"].classify.bias[1] += 0.05
    other = write_files(tmp_path, network)
    with pytest.raises(ConfigError, match=f"is of the digest {files.digest[:12]}, the model's is {other.digest[:12]}"):
        check_canary(other, canary)


def test_a_canary_is_no_part_of_a_models_digest(files, canary, tmp_path):
    again = write_files(tmp_path, make_network(), calibration=Calibration(slope=1.5))
    (tmp_path / CANARY_NAME).write_bytes(canary)
    assert again.digest == files.digest
    assert read_canary(tmp_path) == canary


def test_a_folder_without_one_has_none(tmp_path):
    assert read_canary(tmp_path) is None


def test_one_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / CANARY_NAME).open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ConfigError, match="is larger than"):
        read_canary(tmp_path)


def test_what_would_be_too_large_or_empty_is_not_made(files):
    most = MAX_BYTES // draw_crops(1).nbytes
    for crops in (draw_crops(0), np.broadcast_to(draw_crops(1), (most + 1, *draw_crops(1).shape[1:]))):
        with pytest.raises(ValueError, match="a canary holds 1 clip or more"):
            make_canary(files, crops)


NO_HEADER = "cannot be read: it has no header of a canary"


def header_alone(**parts):
    header = json.dumps(parts).encode()
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04pickled",
        b"PK\x03\x04" + bytes(100),
        (2).to_bytes(8, "little") + b"[]",
        (MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b"{}",
        (1 << 62).to_bytes(8, "little"),
        safetensors.numpy.save({"crops": np.zeros(3, np.uint8)}),
        header_alone(__metadata__={"model_digest": "d"}, crops={"dtype": "U8", "shape": 3}, said={}),
        header_alone(__metadata__=[], crops={}, said={}),
    ],
)
def test_what_is_no_canary_is_one_sentence(files, content):
    with pytest.raises(ConfigError, match=NO_HEADER):
        parse_canary(files, content)


def test_clips_that_are_not_of_the_model_are_refused_by_their_header(files, canary):
    held = safetensors.numpy.load(canary)
    for tensors in (
        {"crops": held["crops"][:, :2].copy()},
        {"crops": held["crops"].astype(np.float32)},
        {"said": held["said"][:1].copy()},
        {"said": held["said"].astype(np.float32)},
        {"more": np.zeros(3)},
        {"crops": held["crops"][:0].copy(), "said": held["said"][:0].copy()},
    ):
        with pytest.raises(ConfigError, match="and clips of this model are"):
            parse_canary(files, changed(canary, files, **tensors))


def test_a_header_that_claims_what_is_not_there_allocates_nothing(files):
    shape = [1 << 40, *draw_crops(1).shape[1:]]
    end = 1 << 50
    content = header_alone(
        __metadata__={"model_digest": files.digest},
        crops={"dtype": "U8", "shape": shape, "data_offsets": [0, end]},
        said={"dtype": "F64", "shape": [1 << 40, len(NAMES)], "data_offsets": [end, 2 * end]},
    )
    with pytest.raises(ConfigError, match="cannot be read"):
        parse_canary(files, content)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_canary_is_refused_or_read_in_its_shape(files, canary, data):
    header_bytes = 8 + int.from_bytes(canary[:8], "little")
    place = data.draw(st.integers(0, header_bytes - 1))
    damaged = bytearray(canary)
    damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(damaged), header_bytes, place]))
    try:
        held = parse_canary(files, bytes(damaged[:cut]))
    except ConfigError:
        return
    assert held.crops.shape == draw_crops(2).shape


def test_a_model_whose_scores_bfloat16_moves_is_not_fit_for_it(monkeypatch):
    files = resolve_model("untrained")
    crops = np.random.default_rng(0).integers(0, 256, (1, 12, 224, 224, 3), dtype=np.uint8)
    canary = make_canary(files, crops)
    assert is_fit_for_bfloat16(files, canary)
    monkeypatch.setattr(canary_module, "MOST_MOVED", 0.0)
    assert not is_fit_for_bfloat16(files, canary)
