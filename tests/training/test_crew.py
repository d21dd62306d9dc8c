import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.scan.preflight import Machine
from gsgmodel.training.crew import fit_crew


def node(cores, gpus=0):
    return Machine(cores=float(cores), memory_bytes=1 << 34, num_gpus=gpus)


@pytest.mark.parametrize(
    ("nodes", "workers", "device", "expected"),
    [
        ([node(2)], None, "auto", (1, 1, 2.0, False)),
        ([node(2)], (2, 2), "auto", (2, 2, 1.0, False)),
        ([node(2)], (3, 3), "auto", (3, 3, 0.5, False)),
        ([node(16, 4)], None, "auto", (4, 4, 4.0, True)),
        ([node(16, 4), node(8, 4)], None, "gpu", (8, 8, 2.0, True)),
        ([node(16, 4)], (2, 2), "cpu", (2, 2, 8.0, False)),
        ([node(64)], None, "cpu", (1, 1, 16.0, False)),
        ([node(4)], (2, 100), "cpu", (2, 100, 0.25, False)),
        ([node(1, 2)], None, "gpu", (2, 2, 0.5, True)),
    ],
)
def test_workers_get_what_all_of_them_can_have(nodes, workers, device, expected):
    crew = fit_crew(nodes, workers, device=device)
    assert (crew.least, crew.most, crew.cpus, crew.on_gpu) == expected
    assert crew.threads >= 1


@given(st.lists(st.tuples(st.integers(1, 32), st.integers(0, 8)), min_size=1, max_size=4), st.integers(1, 16))
def test_as_many_as_are_wanted_can_always_be_placed(shapes, wanted):
    nodes = [node(cores, gpus) for cores, gpus in shapes]
    try:
        crew = fit_crew(nodes, (wanted, wanted), device="auto")
    except ConfigError:
        return
    placed = [int(each.cores / crew.cpus) for each in nodes]
    if crew.on_gpu:
        placed = [min(n, each.num_gpus) for n, each in zip(placed, nodes, strict=True)]
    assert sum(placed) >= wanted


@pytest.mark.parametrize(
    ("nodes", "workers", "device", "message"),
    [
        ([node(2)], None, "gpu", "--device is gpu, but no GPU is free; accepted: auto or cpu"),
        ([node(2)], (9, 9), "cpu", "--workers asks for 9, and 2 cores hold 8; accepted: up to that"),
        ([node(8, 2)], (3, 4), "gpu", "--workers asks for 3, and 2 GPUs and 8 cores hold 2"),
    ],
)
def test_what_cannot_be_placed_is_one_sentence(nodes, workers, device, message):
    with pytest.raises(ConfigError, match=message):
        fit_crew(nodes, workers, device=device)
