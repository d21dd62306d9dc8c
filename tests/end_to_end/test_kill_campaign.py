"""Hundreds of kills of every kind over many scans: no row is lost and none stands twice.

Takes the better part of an hour. What a round did is noted beside pytest's cache, so that a call that was cut short is
taken up where it was, as long as the code is the same.
"""

import contextlib
import hashlib
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.scans import ROOT, STAGES, Platform, assert_same_rows, rows_of, title

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1800)]
ROUNDS, CLUSTER_ROUNDS = 26, 4
DRIVERS_A_ROUND, WORKERS_A_SCAN = 2, 3
FEWEST, FEWEST_DRIVERS, FEWEST_NODES = 200, 40, 3
COPIES = 3
"""Of each video, so that a scan lives long enough to be killed several times."""
APART_S = 3.0
"""Between kills of decoders: a video whose decoder dies twice is a row that says so."""
GONE_S = 20.0


@dataclass
class Killer:
    """Kills processes of the kinds that it is asked for, and counts."""

    moment: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    _decoder_s: float = 0.0
    _killed: set[int] = field(default_factory=set)

    def kill_one(self, root: psutil.Process) -> None:
        """Kill one process of a stage below a process, whichever lives."""
        family = {each.pid: each for each in _descendants(root) if each.pid not in self._killed}
        stages = list(STAGES)
        if time.monotonic() - self._decoder_s < APART_S:
            stages.remove("decoder")
        self.moment.shuffle(stages)
        for stage in stages:
            found = [each for each in family.values() if STAGES[stage] in title(each)]
            if found:
                victim = self.moment.choice(found)
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.send_signal(signal.SIGKILL)
                    self._killed.add(victim.pid)
                    self.counts[stage] += 1
                    if stage == "decoder":
                        self._decoder_s = time.monotonic()
                return


def _descendants(root: psutil.Process) -> list[psutil.Process]:
    try:
        return list(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _is_at_work(root: psutil.Process) -> bool:
    """Whether a video is decoded somewhere below a process: actors are there long before."""
    return any(STAGES["decoder"] in title(each) for each in _descendants(root))


@pytest.fixture(scope="session")
def journal(request: pytest.FixtureRequest) -> Path:
    """A folder of what rounds over this very code did."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "gsgmodel").rglob("*.py")) + sorted((ROOT / "jobs").glob("*.py")):
        digest.update(path.read_bytes())
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("kills") / digest.hexdigest()[:16]
    folder.mkdir(exist_ok=True)
    return Path(folder)


@pytest.fixture(scope="session")
def copies(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive several times over."""
    folder = tmp_path_factory.mktemp("copies")
    for path in archive.glob("*.mp4"):
        for number in range(COPIES):
            (folder / f"{number}_{path.name}").write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def expected(undisturbed: dict[str, Any]) -> dict[str, Any]:
    """The rows of the copies as an undisturbed scan has them."""
    return {f"{number}_{name}": row for name, row in undisturbed.items() for number in range(COPIES)}


@contextlib.contextmanager
def noted(journal: Path, name: str) -> Iterator[Killer]:
    """A killer for a round whose kills are noted if the round ends well; skips a round that did."""
    note = journal / f"{name}.json"
    if note.exists():
        pytest.skip(f"done before, with {sum(json.loads(note.read_text()).values())} kills")
    killer = Killer(random.Random(name))
    yield killer
    note.write_text(json.dumps(killer.counts))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_drivers_workers_and_decoders_are_killed(
    number: int, journal: Path, copies: Path, model: Path, expected: dict[str, Any], tmp_path: Path, start_scan: Any
) -> None:
    args = (copies, "--model", model, "--output", tmp_path, "--commit-s", "0.5")
    with noted(journal, f"machine-{number}") as killer:
        for _ in range(DRIVERS_A_ROUND):
            scan = start_scan(*args)
            driver = psutil.Process(scan.process.pid)
            # Some drivers die while they list and start, most at work.
            if killer.moment.random() < 0.75:
                scan.wait_for(lambda driver=driver, scan=scan: _is_at_work(driver) or scan.process.poll() == 0)
            for _ in range(killer.moment.randint(0, WORKERS_A_SCAN)):
                time.sleep(killer.moment.uniform(0.2, 3.0))
                killer.kill_one(driver)
            time.sleep(killer.moment.uniform(0.0, 5.0))
            workers = _descendants(driver)
            if scan.process.poll() is None:
                scan.process.send_signal(signal.SIGKILL)
                killer.counts["driver"] += 1
            scan.process.communicate()
            _, alive = psutil.wait_procs(workers, timeout=GONE_S)
            # A worker of Ray 2.60 can deadlock in its own destructors; that must not fail the run after it.
            for worker in alive:
                worker.kill()
        scan = start_scan(*args)
        driver = psutil.Process(scan.process.pid)
        scan.wait_for(lambda: _is_at_work(driver) or scan.process.poll() == 0)
        for _ in range(WORKERS_A_SCAN):
            time.sleep(killer.moment.uniform(0.2, 3.0))
            killer.kill_one(driver)
        code, _, err = scan.finish()
        assert code == 0, err
        assert_same_rows(rows_of(tmp_path), expected)


@pytest.mark.parametrize("number", range(CLUSTER_ROUNDS))
def test_nodes_of_a_cluster_are_killed_too(
    number: int,
    journal: Path,
    copies: Path,
    expected: dict[str, Any],
    bucket: str,
    s3: Any,
    fresh_platform: Platform,
) -> None:
    for path in copies.glob("*.mp4"):
        s3.put_object(Bucket=bucket, Key=f"in/{path.name}", Body=path.read_bytes())
    output = f"s3://{bucket}/out"
    args = (f"s3://{bucket}/in/", "--output", output, "--commit-s", "0.5")
    cluster = fresh_platform.cluster
    with noted(journal, f"cluster-{number}") as killer:
        head, other = (psutil.Process(node.pid) for node in cluster.nodes)
        job = cluster.submit(*args)
        wait_until(lambda: _is_at_work(head) or _is_at_work(other))
        for node in (head, other, killer.moment.choice([head, other])):
            time.sleep(killer.moment.uniform(0.2, 2.0))
            killer.kill_one(node)
        if number % 2:
            (driver,) = [each for each in _descendants(head) if title(each).startswith("python jobs/score.py")]
            driver.send_signal(signal.SIGKILL)
            killer.counts["driver"] += 1
            job.communicate(timeout=240)
            job = cluster.submit(*args)
            wait_until(lambda: _is_at_work(head) or _is_at_work(other))
        time.sleep(killer.moment.uniform(0.0, 4.0))
        cluster.kill_node(1)
        killer.counts["node"] += 1
        time.sleep(killer.moment.uniform(2.0, 5.0))
        killer.kill_one(head)
        log, _ = job.communicate(timeout=600)
        assert Platform.cluster_code(log) == 0, log
        assert_same_rows(rows_of(output, s3_endpoint=fresh_platform.s3_url), expected)


def wait_until(is_so: Any, *, timeout_s: float = 180.0) -> None:
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_kills_are_as_many_as_they_have_to_be(journal: Path) -> None:
    """After all rounds, in this call or over several."""
    notes = [json.loads(path.read_text()) for path in journal.glob("*.json")]
    if len(notes) < ROUNDS + CLUSTER_ROUNDS:
        pytest.skip(f"{len(notes)} of {ROUNDS + CLUSTER_ROUNDS} rounds are done")
    counts = sum((Counter(note) for note in notes), Counter())
    (journal / "sum.txt").write_text(f"{counts.total()} kills: {dict(counts)}")
    assert counts.total() >= FEWEST
    assert counts["driver"] >= FEWEST_DRIVERS
    assert counts["node"] >= FEWEST_NODES
