"""The data sets by name."""

import pytest

from gsgmodel.datasets.known import NAMES, DatasetSettings, read_dataset
from gsgmodel.errors import ConfigError
from tests.datasets import published_trees as trees

COPIES = {
    "ff++": lambda root: trees.faceforensics(root, num_pairs=5),
    "dfd": lambda root: trees.dfd(trees.faceforensics(root, num_pairs=5), num_originals=5, num_fakes=5),
    "dfdc-train": lambda root: trees.dfdc_train(root, num_parts=2, num_real=4, num_fake=4),
    "dfdc-test": lambda root: trees.dfdc_test(root, num_each=2),
    "dfdc-preview": lambda root: trees.dfdc_preview(root, counts=((2, 2), (1, 1))),
    "celeb-df-v1": lambda root: trees.celebdf(root, num_real=5, num_youtube=5, num_fake=5, num_test=(1, 1, 1)),
    "celeb-df-v2": lambda root: trees.celebdf(root, num_real=5, num_youtube=5, num_fake=5, num_test=(1, 1, 1)),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_reader_whose_videos_say_it(tmp_path, name):
    settings = DatasetSettings()
    found = read_dataset(name, COPIES[name](tmp_path), compression=settings.compression, methods=settings.chosen)
    assert {video.dataset for video in found.videos} == {name}
    assert {video.label for video in found.videos} == {0, 1}
    assert len({video.key for video in found.videos}) == len(found.videos)


def test_another_name_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"data set 'ffpp' is not known; accepted: ff\+\+, dfd"):
        read_dataset("ffpp", tmp_path, compression="c23", methods=())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"compression": "c24"}, "--compression is 'c24'; accepted: raw, c23, c40"),
        ({"methods": "FaceSwap,Deepfake"}, "--methods holds 'Deepfake'; accepted"),
        ({"subset": 0}, "--subset is 0; accepted: at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        DatasetSettings(**setting)
