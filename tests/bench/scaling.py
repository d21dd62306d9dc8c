"""How a scan grows with nodes and with videos: Ray and our own parts are real, the work of the stages is slept.

One video of the folder is prepared first; its cost is what every prepare actor sleeps, and its crops are what every
prepared row carries. A score actor holds a GPU that does not exist and sleeps ``SCORE_S``, an assumption. Nodes are
Ray's own simulated ones: processes of this machine, which therefore also does the work that Ray does on each of them.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from ray.cluster_utils import Cluster
from ray.data import ActorPoolStrategy, Dataset

from gsgmodel.archive.reading import open_object
from gsgmodel.records import VideoRef
from gsgmodel.scan.commit import Committer, commit_stream
from gsgmodel.scan.parts import end_parts, write_part
from gsgmodel.scan.passes import DYING_CLUSTER, blocks_of
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.planner import refs_table
from gsgmodel.scan.preflight import GIB, Wishes
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.rows import PIXELS, SCORED_SCHEMA, prepared_row
from gsgmodel.scan.session import Session, running_ray, start_ray
from gsgmodel.scan.sinks import ListSink
from gsgmodel.scan.source import read_plan
from gsgmodel.scan.stop import Patience, StopRequest
from tests.bench.memory import Memory
from tests.bench.one_clip import listed, one_clip
from tests.bench.pipeline import FROM, TO
from tests.bench.side_by_side import Comparison, picture, turns
from tests.bench.sleeping import SleepPrepare, SleepScore

NODES = (1, 2, 4, 8)
CORES = 4
"""Of a node, with one GPU."""
SCORE_S = 0.05
SLOWER = 5.0
"""Times that the stages sleep longer where nodes are counted: two cores do here what Ray does on all the nodes, which
have cores of their own for it."""
VIDEOS_A_NODE = 60
MANY_VIDEOS = 10_000
QUICKER = 20.0
"""Times that the stages sleep less where many videos are scanned: what is looked at is memory."""
STORE_BYTES = 600 << 20


def calibrate(video: Path) -> tuple[float, pa.Table]:
    """Seconds that preparing a video takes, once all is loaded, and its prepared row."""
    ref, preparer = listed(str(video)), one_clip()
    preparer.prepare(partial(open_object, ref))
    started_s = time.thread_time()
    prepared = preparer.prepare(partial(open_object, ref))
    cost_s = time.thread_time() - started_s
    planned = {name: getattr(ref, name) for name in PLAN_SCHEMA.names}
    return cost_s, prepared_row(planned, prepared, cpu_s=cost_s)


def stages(rows: Dataset, session: Session, *, template: pa.Table, cost_s: float, score_s: float) -> Dataset:
    """The stages as ``scan.prepare`` and ``scan.score`` set them up, with actors that sleep."""
    pools = session.pools
    rows = rows.map_batches(
        SleepPrepare,
        fn_constructor_kwargs={"gate": session.gate, "template": template, "cost_s": cost_s},
        batch_size=1,
        batch_format="pyarrow",
        num_cpus=pools.cpus_per_actor,
        memory=pools.memory_per_actor_bytes or None,
        compute=ActorPoolStrategy(size=pools.prepare_actors, max_tasks_in_flight_per_actor=1),
    )
    return rows.map_batches(
        SleepScore,
        fn_constructor_kwargs={"schema": SCORED_SCHEMA, "large": PIXELS, "cost_s": score_s},
        batch_size=pools.rows_per_score_call,
        batch_format="pyarrow",
        num_cpus=pools.cpus_per_score_actor,
        num_gpus=pools.gpus_per_score_actor or None,
        compute=ActorPoolStrategy(size=pools.score_actors, max_tasks_in_flight_per_actor=2),
    )


def scan(
    num_videos: int, wishes: Wishes, make: Callable[[Dataset, Session], Dataset], seen: Callable[[int], None]
) -> list[float]:
    """Take so many videos through the stages and the commits; when each arrived."""
    arrived_s: list[float] = []

    def show(_: dict[str, Any]) -> None:
        arrived_s.append(time.monotonic())
        seen(len(arrived_s))

    patience = Patience(timeout_s=60.0, note=lambda _: None, is_stopped=lambda: False)
    with TemporaryDirectory(prefix="gsg-bench-") as scratch, Path(os.devnull).open("w") as nowhere:
        plan = Path(scratch)
        refs = [_ref(number) for number in range(num_videos)]
        write_part(plan, 0, refs_table(refs))
        end_parts(plan)
        committer = Committer(
            sink=ListSink(show=show), progress=Progress(num_planned=num_videos, out=nowhere), commit_s=0.2
        )
        with start_ray(wishes, num_videos=num_videos, patience=patience) as session:
            commit_stream(
                blocks_of(make(read_plan(plan), session)),
                committer,
                gate=session,
                stop=StopRequest(drain_s=1.0),
                errors_of_a_dying_cluster=DYING_CLUSTER,
            )
    if len(arrived_s) != num_videos:
        raise SystemExit(f"{len(arrived_s)} of {num_videos} videos arrived")
    return arrived_s


@contextmanager
def simulated(num_nodes: int) -> Iterator[None]:
    """A cluster of a head without cores and so many nodes, which ``start_ray`` joins."""
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE_BYTES, "memory": 8 * GIB}
    )
    try:
        for _ in range(num_nodes):
            cluster.add_node(num_cpus=CORES, num_gpus=1, memory=64 * GIB, object_store_memory=STORE_BYTES)
        cluster.wait_for_nodes()
        os.environ["RAY_ADDRESS"] = cluster.address
        with running_ray(object_store_bytes=0):
            yield
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        cluster.shutdown()


def measure(folder: Path, *, rounds: int) -> Comparison:
    """Videos/s of 1 to 8 nodes, and the memory of every process over 10,000 videos."""
    cost_s, template = calibrate(next(path for path in sorted(folder.iterdir()) if path.suffix == ".mp4"))
    make = partial(stages, template=template, cost_s=cost_s * SLOWER, score_s=SCORE_S * SLOWER)
    wishes = Wishes(device="auto", prepare_actors=None, score_actors=None, batch_clips=4)
    took_s: dict[str, list[float]] = {f"nodes: {count}": [] for count in NODES}
    for count in turns(NODES, rounds=rounds):
        with simulated(count):
            arrived_s = scan(VIDEOS_A_NODE * count, wishes, make, lambda _: None)
        took_s[f"nodes: {count}"].append(_s_a_video(arrived_s))
    memory = many_videos(cost_s, template)
    rates = {count: 1 / float(np.median(took_s[f"nodes: {count}"])) for count in NODES}
    shares = {count: rates[count] / rates[1] / count for count in NODES}
    return Comparison(
        title="Scaling",
        peer="nodes: 1",
        took_s=took_s,
        unit="wall s a video",
        facts={
            "slept": f"{SLOWER:g} times {cost_s:.2f} s to prepare and {SCORE_S} s to score; "
            f"{CORES} cores and a GPU a node",
            "of linear": ", ".join(f"{count} nodes {share:.2f}" for count, share in shares.items()),
            f"MB of their own, {MANY_VIDEOS} videos": memory.text(),
            "bytes spilled": memory.spilled_bytes,
        },
        pictures={"nodes": _nodes_picture(rates), "videos": memory.picture()},
    )


def many_videos(cost_s: float, template: pa.Table) -> Memory:
    """The memory of every process while many videos pass, on this machine alone."""
    wishes = Wishes(device="cpu", prepare_actors=4, score_actors=1, batch_clips=4)
    make = partial(stages, template=template, cost_s=cost_s / QUICKER, score_s=SCORE_S / QUICKER)
    with Memory() as memory:
        scan(MANY_VIDEOS, wishes, make, memory.note)
    return memory


def _ref(number: int) -> VideoRef:
    name = f"file:///archive/{number:06}.mp4"
    return VideoRef(uri=name, etag="1", size_bytes=10**6, last_modified_s=1.7e9, video_id=number.to_bytes(16, "big"))


def _s_a_video(arrived_s: list[float]) -> float:
    first, last = (math.floor(len(arrived_s) * share) for share in (FROM, TO))
    return (arrived_s[last] - arrived_s[first]) / (last - first)


def _nodes_picture(rates: dict[int, float]) -> bytes:
    def draw(axes: Any) -> None:
        axes.plot(list(rates), [rates[1] * count for count in rates], "--", color="grey", label="linear")
        axes.plot(list(rates), list(rates.values()), "o-", label="measured")
        axes.set(xlabel="nodes", ylabel="videos/s", xlim=(0, None), ylim=(0, None))

    return picture(draw)
