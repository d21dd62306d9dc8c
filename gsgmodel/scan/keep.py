"""The second stage of a preparation: crops go into shards of the clip store, rows of about a kilobyte go on.

A shard is written whole before any row names it, and no row names a shard of a call that was cut off: a worker that
dies leaves at most a shard that nobody knows, and its videos go into another one.
"""

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from ray.data import ActorPoolStrategy, Dataset

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.clips.schema import PREPARED, SHARDS
from gsgmodel.clips.shards import ShardClip, write_shard
from gsgmodel.errors import OutputError
from gsgmodel.redact import hide_credentials
from gsgmodel.results.storage import output_place
from gsgmodel.scan.rows import KEPT_SCHEMA, PIXELS, UNKEPT, crops_of, masks_of
from gsgmodel.scan.session import Session


def keep(rows: Dataset, session: Session, *, store_uri: str, s3_endpoint: str | None, recipe: CropRecipe) -> Dataset:
    """Replace the crops of prepared rows by where they lie.

    Args:
        rows: Prepared rows, one a block.
        session: Ray, with the size of the pool and how many videos a shard gets.
        store_uri: Of the clip store, whose folder of shards is there.
        s3_endpoint: Of the object store that it lies on, or None for the environment's.
        recipe: How the crops were made.
    """
    pools = session.pools
    return rows.map_batches(
        KeepActor,
        fn_constructor_kwargs={"store_uri": store_uri, "s3_endpoint": s3_endpoint, "recipe": recipe},
        batch_size=pools.rows_per_score_call,
        batch_format="pyarrow",
        num_cpus=pools.cpus_per_score_actor,
        compute=ActorPoolStrategy(size=pools.score_actors, max_tasks_in_flight_per_actor=1),
    )


class KeepActor:
    """Writes one shard a call."""

    def __init__(self, *, store_uri: str, s3_endpoint: str | None, recipe: CropRecipe) -> None:
        hide_credentials()
        self._place = output_place(store_uri, s3_endpoint=s3_endpoint) / SHARDS
        self._recipe = recipe

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Keep the crops of some videos."""
        started_s = time.thread_time()
        rows = batch.drop_columns(list(PIXELS)).to_pylist()
        num_clips = sum(len(row["clips"] or []) for row in rows)
        shard = None
        if num_clips:
            try:
                shard = write_shard(self._place, self._clips(batch, rows), preparation_id=self._recipe.preparation_id)
            except OutputError as error:
                failed = {"status": UNKEPT, "error_text": str(error), "num_clips": 0, "clips": []}
                return pa.Table.from_pylist([row | failed for row in rows], schema=KEPT_SCHEMA)
        cpu_s = (time.thread_time() - started_s) / max(num_clips, 1)
        return pa.Table.from_pylist(list(_kept(rows, shard, cpu_s=cpu_s)), schema=KEPT_SCHEMA)

    def _clips(self, batch: pa.Table, rows: list[dict[str, Any]]) -> Iterator[ShardClip]:
        """The clips of the videos, in the order of their rows."""
        size = {
            "num_frames": self._recipe.preparation.frames_per_clip,
            "size_px": self._recipe.preparation.crop_size_px,
        }
        for index, row in enumerate(rows):
            masks = masks_of(batch, index, **size)
            for number, crops in enumerate(crops_of(batch, index, **size)):
                mask = None if masks is None else masks[number]
                yield ShardClip(video_id=row["video_id"], uri=row["uri"], number=number, crops=crops, mask=mask)


def _kept(rows: list[dict[str, Any]], shard: str | None, *, cpu_s: float) -> Iterator[dict[str, Any]]:
    """Rows that say where their clips lie; those without clips pass as they are."""
    place = 0
    for row in rows:
        clips = row["clips"] or []
        kept = [clip | {"shard": shard, "row": place + number} for number, clip in enumerate(clips)]
        place += len(clips)
        status = PREPARED if clips else row["status"]
        yield row | {"status": status, "num_clips": len(clips), "clips": kept, "keep_cpu_s": cpu_s * len(clips)}
