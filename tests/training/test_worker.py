import torch

from gsgmodel.training.worker import Worker, add_up
from tests.small_training import LoneWorker


def test_alone_a_sum_is_what_there_is(tmp_path):
    values = torch.tensor([1.5, 2.0], dtype=torch.float64)
    assert add_up(values, LoneWorker(tmp_path)) is values


def test_whatever_has_its_methods_is_a_worker(tmp_path):
    assert isinstance(LoneWorker(tmp_path), Worker)
