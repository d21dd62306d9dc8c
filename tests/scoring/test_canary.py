import numpy as np
import pytest
import safetensors.numpy
import torch

from gsgmodel.errors import ConfigError
from gsgmodel.scoring.canary import CANARY_NAME, MAX_BYTES, check_canary, make_canary, read_canary
from tests.small_model import draw_crops, make_network, write_files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("model"), make_network())


@pytest.fixture(scope="module")
def canary(files):
    return make_canary(files, draw_crops(2))


def test_a_model_judges_its_canary_as_it_did(files, canary):
    assert check_canary(files, canary) < 1e-5


def test_any_number_of_threads_judges_alike(files, canary):
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert check_canary(files, canary) < 1e-4
    finally:
        torch.set_num_threads(before)


def test_another_network_is_found_out(canary, tmp_path):
    network = make_network()
    with torch.no_grad():
        network.temporal["fusion_stream"].classify.bias[1] += 0.05
    other = write_files(tmp_path, network)
    with pytest.raises(
        ConfigError, match=r"judges otherwise on this machine .* differ by 0\.05, and 0\.01 is accepted"
    ):
        check_canary(other, canary)


def test_a_canary_is_no_part_of_a_models_digest(files, canary, tmp_path):
    again = write_files(tmp_path, make_network())
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"\x80\x04pickled", "cannot be read"),
        (safetensors.numpy.save({"crops": np.zeros(3, np.uint8)}), "cannot be read"),
        (
            safetensors.numpy.save({"crops": np.zeros((1, 2, 8, 8, 3), np.uint8), "margins": np.zeros((1, 2))}),
            r"is not of it: its clips are \(1, 2, 8, 8, 3\) uint8",
        ),
        (safetensors.numpy.save({"crops": draw_crops(2), "margins": np.zeros((1, 2))}), "is not of it"),
    ],
)
def test_a_canary_that_is_none_is_one_sentence(files, content, message):
    with pytest.raises(ConfigError, match=message):
        check_canary(files, content)
