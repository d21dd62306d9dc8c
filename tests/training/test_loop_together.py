"""Two processes that share their gradients, without Ray."""

import json
from pathlib import Path

import numpy as np
import torch.distributed as dist
import torch.multiprocessing as mp

from gsgmodel.training.loop import Trainer
from tests.small_training import LoneWorker, make_clips, make_job, make_settings


def settings():
    # Five clips do not part evenly into two, nor three into parts of two.
    return make_settings(batch_norm="frozen", batch_clips=5, micro_clips=2, augment=True)


def work(rank: int, folder: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    worker = LoneWorker(folder, rank=rank, world_size=2)
    trainer = Trainer(make_job(settings(), make_clips(num_val=7)), worker)
    trainer.run()
    (folder / f"{rank}.json").write_text(json.dumps([trainer.state.history, len(worker.told), len(worker.kept)]))
    dist.destroy_process_group()


def test_two_workers_equal_one_at_the_same_batch(tmp_path):
    alone = Trainer(make_job(settings(), make_clips(num_val=7)), LoneWorker(tmp_path))
    alone.run()
    mp.spawn(work, (tmp_path,), nprocs=2)
    said = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert said[0][0] == said[1][0]
    for row, expected in zip(said[0][0], alone.state.history, strict=True):
        assert row.keys() == expected.keys()
        for name, value in expected.items():
            assert np.isclose(row[name], value, rtol=1e-3, atol=1e-5), name
    assert said[0][2] == 2
    assert said[1][1:] == [0, 0]
