"""Stage 3: the network over clips, batched across videos; takes prepared rows and returns rows of about a kilobyte."""

import platform
import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import ray
import torch
from ray.data import ActorPoolStrategy, Dataset

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import WantedNumerics
from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.numerics import choose_numerics
from gsgmodel.model.reference import build_network
from gsgmodel.model.weights import ModelFiles
from gsgmodel.redact import hide_credentials
from gsgmodel.scan.evidence import Evidence
from gsgmodel.scan.rows import DRIFTED, PIXELS, SCORED_SCHEMA, crops_of
from gsgmodel.scan.session import Session
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scoring.canary import check_canary
from gsgmodel.scoring.network import ClipScorer, combine_with
from gsgmodel.scoring.verdict import Combine, ScoredClip
from gsgmodel.scoring.video import scored_facts

DRIFT_WAIT_S = 120.0
"""For the check at the end of a run, which needs a GPU where actors did."""


def score(
    rows: Dataset, session: Session, *, model: ModelFiles, settings: ScanSettings, canary: bytes | None = None
) -> Dataset:
    """Replace the crops of each prepared row by scores.

    Args:
        rows: Prepared rows, one a block.
        session: Ray, with the size of the pool.
        model: The model's files; they go through the object store, so that a node fetches them once.
        settings: Clips of one forward pass, and what the backbone computes in.
        canary: Of the model, judged by every actor before its first video; None if it has none.
    """
    pools = session.pools
    return rows.map_batches(
        ScoreActor,
        fn_constructor_kwargs=score_arguments(session, model=model, settings=settings, canary=canary),
        batch_size=pools.rows_per_score_call,
        batch_format="pyarrow",
        num_cpus=pools.cpus_per_score_actor,
        memory=(pools.memory_per_actor_bytes if pools.cpus_per_score_actor else 0) or None,
        num_gpus=pools.gpus_per_score_actor or None,
        compute=ActorPoolStrategy(size=pools.score_actors, max_tasks_in_flight_per_actor=2),
    )


def score_arguments(
    session: Session, *, model: ModelFiles, settings: ScanSettings, canary: bytes | None
) -> dict[str, Any]:
    """What a ``ScoreActor`` is made with."""
    return {
        "model": ray.put(model),
        "canary": canary,
        "batch_clips": settings.batch_clips,
        "numerics": settings.numerics,
        "compiled": settings.compiled,
        "evidence": None
        if settings.keep_evidence == "none" or settings.output is None
        else Evidence(
            settings.output,
            s3_endpoint=settings.s3_endpoint,
            threshold=model.settings.threshold if settings.keep_evidence == "flagged" else None,
        ),
        "device": "cuda" if session.pools.gpus_per_score_actor else "cpu",
    }


class ScoreActor:
    """Holds the network of one process and scores a few videos a call."""

    def __init__(  # noqa: PLR0913 - what Ray makes an actor with
        self,
        *,
        model: ray.ObjectRef,
        batch_clips: int,
        device: str,
        numerics: WantedNumerics = "auto",
        compiled: bool = False,
        evidence: Evidence | None = None,
        canary: bytes | None = None,
    ) -> None:
        hide_credentials()
        torch.set_num_threads(1)
        # TF32 rounds to 10 bits: with it a GPU's scores would differ from a CPU's under one scoring_id.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        files: ModelFiles = ray.get(model)
        self._preparation = files.settings.preparation
        self._evidence = evidence
        self._combine = combine_with(files)
        network = build_network(files).to(device)
        self._drift = drift_of(files, canary, device=device, network=network)
        chosen = choose_numerics(numerics, is_fit=files.settings.bfloat16, device=device)
        self._network = ClipScorer(
            network,
            batch_clips=batch_clips,
            device=device,
            numerics=chosen,
            compile_for=(self._preparation.frames_per_clip, self._preparation.crop_size_px) if compiled else None,
        )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Score the videos of a batch."""
        if self._drift:
            rows = batch.drop_columns([*PIXELS, "clips"]).to_pylist()
            drifted = {"status": DRIFTED, "error_text": self._drift, "num_clips": 0}
            return pa.Table.from_pylist([row | drifted for row in rows], schema=SCORED_SCHEMA)
        started_s = time.thread_time()
        crops = [
            crops_of(batch, index, num_frames=self._preparation.frames_per_clip, size_px=self._preparation.crop_size_px)
            for index in range(batch.num_rows)
        ]
        scored = self._network.score(crops)
        cpu_s = (time.thread_time() - started_s) / max(sum(len(video) for video in crops), 1)
        rows = [
            scored_row(row, video, combine=self._combine, cpu_s=cpu_s * len(video))
            | {"numerics": self._network.numerics if video else None}
            for row, video in zip(batch.drop_columns(list(PIXELS)).to_pylist(), scored, strict=True)
        ]
        if self._evidence:
            for row, video, seen in zip(rows, scored, crops, strict=True):
                note = self._evidence.keep(row, video, seen)
                row["notes"] = [*row["notes"], note] if note else row["notes"]
        return pa.Table.from_pylist(rows, schema=SCORED_SCHEMA)


def drift_of(files: ModelFiles, canary: bytes | None, *, device: str, network: ClipNetwork | None = None) -> str:
    """Return in a sentence how this process judges a model's own clips otherwise; empty if it does not."""
    if canary is None:
        return ""
    try:
        check_canary(files, canary, device=device, network=network)
    except ConfigError as error:
        return f"{error} ({platform.node()})"
    return ""


def drift_now(session: Session, *, model: ModelFiles, canary: bytes | None) -> str:
    """Return the same of a process like those that scored, once they are done; empty if there is none to be had."""
    if canary is None:
        return ""
    on_gpu = session.pools.gpus_per_score_actor
    check = ray.remote(num_cpus=0, num_gpus=on_gpu, max_retries=0)(drift_of)
    asked = check.remote(model, canary, device="cuda" if on_gpu else "cpu")
    try:
        found: str = ray.get(asked, timeout=DRIFT_WAIT_S)
    except ray.exceptions.RayError as error:
        return f"the model's own clips could not be judged at the end: {type(error).__name__}"
    return found


def scored_row(row: dict[str, Any], scored: Sequence[ScoredClip], *, combine: Combine, cpu_s: float) -> dict[str, Any]:
    """Return a prepared row with its clips replaced by scores; a row without clips passes as it is."""
    facts = scored_facts(row, scored, combine=combine)
    del row["clips"]
    return row | facts | {"score_cpu_s": cpu_s}
