"""How fast the keys of a bucket become a plan, page by page, and what that takes of memory.

Usage: python tests/bench/listing.py [--keys N]

Puts N small objects on the S3 server of tests, in a process of its own, and plans them as a scan does, none done.
Prints one line of JSON: keys a second, pages, and by how much the largest memory of the process grew.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.s3 import PAGE_KEYS
from gsgmodel.results.done import DoneIds
from gsgmodel.scan.planner import make_plan
from tests.servers import S3_ENVIRONMENT, serving_s3

THREADS = 16
WARM_UP_KEYS = 2000


def fill(url: str, bucket: str, num_keys: int) -> None:
    """Put so many objects of a few bytes."""
    client = boto3.client("s3", endpoint_url=url, config=Config(max_pool_connections=THREADS))
    client.create_bucket(Bucket=bucket)

    def put(number: int) -> None:
        client.put_object(Bucket=bucket, Key=f"uploads/{number // 1000:04}/{number:09}.mp4", Body=b"%d" % number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, range(num_keys), chunksize=100))


def main() -> None:
    """Fill a bucket, plan it, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    num_keys = parser.parse_args().keys
    os.environ.update(S3_ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder, serving_s3(Path(folder)) as url:
        fill(url, "warm", WARM_UP_KEYS)
        fill(url, "archive", num_keys)

        def plan(bucket: str) -> int:
            listed = list_archive([f"s3://{bucket}/uploads/"], s3_endpoint=url)
            place = Path(folder) / bucket
            return make_plan(listed, is_done=DoneIds().contains, limit=None, folder=place).num_videos

        plan("warm")
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started_s = time.monotonic()
        assert plan("archive") == num_keys
        wall_s = time.monotonic() - started_s
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) * 1024 / 1e6
    facts = {"keys": num_keys, "pages": -(-num_keys // PAGE_KEYS), "wall_s": round(wall_s, 1)}
    print(json.dumps(facts | {"keys_per_s": round(num_keys / wall_s), "grown_mb": round(grown_mb, 1)}))


if __name__ == "__main__":
    main()
