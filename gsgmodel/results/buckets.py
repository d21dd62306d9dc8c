"""Results on S3: the keys below a prefix of a bucket."""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from pyarrow.fs import FileSystem

from gsgmodel.archive.s3 import PAGE_KEYS, delete, head, list_pages, put, read_whole
from gsgmodel.errors import ChangedError, ConfigError, DeniedError, MissingError, UnavailableError
from gsgmodel.results.access import storage_options
from gsgmodel.results.objects import object_files, upload
from gsgmodel.results.places import Place

READ_ATTEMPTS = 5
"""At a small object that others replace meanwhile."""


@dataclass(frozen=True, slots=True)
class S3Place(Place):
    """The keys of a bucket that begin with a prefix and a slash."""

    files_ahead: ClassVar[int] = 8
    bucket: str
    prefix: str
    """Without a slash at its ends; empty for the whole bucket."""
    endpoint: str | None
    """Of the store, or None for the environment's."""

    @property
    def uri(self) -> str:
        """An ``s3://`` URI, its key as it is."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def table_uri(self) -> str:
        """An ``s3://`` URI, its key percent-encoded."""
        return f"s3://{self.bucket}/{quote(self.prefix)}"

    @property
    def files(self) -> FileSystem:
        """Objects of the store."""
        return object_files(self.endpoint)

    def __truediv__(self, name: str) -> "S3Place":
        """The prefix with that name after it."""
        return S3Place(self.bucket, self._key(name), self.endpoint)

    def file_path(self, name: str) -> str:
        """Bucket and key."""
        return f"{self.bucket}/{self._key(name)}"

    def file_uri(self, name: str) -> str:
        """An ``s3://`` URI, its key as it is."""
        return f"s3://{self.file_path(name)}"

    def storage_options(self) -> dict[str, str]:
        """Address, region, credentials and patience."""
        return storage_options(self.endpoint)

    def make(self, *, is_new: bool = False) -> None:
        """Nothing: a store has no folders.

        Raises:
            FileExistsError: If the folder is to be a new one and there are keys.
        """
        if is_new and self.names():
            raise FileExistsError(f"{self.uri} is there already")

    def names(self) -> set[str]:
        """What the first thousand keys below the prefix show."""
        below = f"{self.prefix}/" if self.prefix else ""
        pages = list_pages(self.bucket, below, endpoint=self.endpoint, most=PAGE_KEYS)
        keys = (found.key.removeprefix(below) for page in pages for found in page)
        return {key.partition("/")[0] for key in keys if key}

    def has(self, name: str) -> bool:
        """Whether there is an object of that name."""
        try:
            head(self.bucket, self._key(name), endpoint=self.endpoint)
        except MissingError:
            return False
        return True

    def has_room(self, size_bytes: int) -> bool:  # noqa: ARG002 - a store does not say
        """Yes."""
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write an object in one request."""
        put(self.bucket, self._key(name), content, endpoint=self.endpoint)

    def create(self, name: str, content: bytes) -> bool:
        """Write an object in one request with ``If-None-Match``."""
        return put(self.bucket, self._key(name), content, endpoint=self.endpoint, only_new=True)

    def read(self, name: str) -> bytes | None:
        """The content of a small object; None if there is none.

        Raises:
            ChangedError: It was replaced each time before it could be read.
        """
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                return read_whole(self.bucket, self._key(name), endpoint=self.endpoint)
            except MissingError:
                return None
            except ChangedError:
                if attempt == READ_ATTEMPTS:
                    raise
        return None

    def remove(self, name: str) -> None:
        """Delete an object, if it is there."""
        delete(self.bucket, self._key(name), endpoint=self.endpoint)

    def keep(self, path: Path, name: str) -> None:
        """Upload a finished file, a large one in parts."""
        upload(path, self.bucket, self._key(name), endpoint=self.endpoint)

    def probe(self) -> bool:
        """List, write an object, try to write over it with ``If-None-Match``, and delete it.

        Returns:
            Whether the store kept what was there.

        Raises:
            ConfigError: If the store takes objects but not that header.
        """
        self.names()
        key, content = self._key(f".gsg-probe-{uuid.uuid4().hex}"), b"Whether results can be written."
        put(self.bucket, key, content, endpoint=self.endpoint)
        try:
            return not put(self.bucket, key, content, endpoint=self.endpoint, only_new=True)
        except UnavailableError as error:
            raise ConfigError(
                f"--output {self.uri!r} is on a store that refuses conditional writes: {error}; accepted: one that "
                "takes a PUT request with If-None-Match"
            ) from error
        finally:
            # A role that may not delete can still write results.
            with suppress(DeniedError, MissingError, UnavailableError):
                delete(self.bucket, key, endpoint=self.endpoint)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name
