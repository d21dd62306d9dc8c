"""Where results lie: what every place can do, and a folder on the local disk."""

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pyarrow.fs import FileSystem, LocalFileSystem


class Place(ABC):
    """A folder of results. Files in it are ours and have tame names; each is there whole or not at all.

    What goes wrong is an ``OSError`` of a local folder and a ``VideoError`` of a store, as ``archive.s3.call`` has
    them; ``storage.output_errors`` makes one sentence of either.
    """

    __slots__ = ()
    files_ahead: ClassVar[int] = 1
    """How many files are opened before they are needed, where opening one takes long."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """As people are shown it: a path, or an ``s3://`` URI whose key is as it is."""

    @property
    @abstractmethod
    def table_uri(self) -> str:
        """As deltalake takes it."""

    @property
    @abstractmethod
    def files(self) -> FileSystem:
        """What pyarrow reads the files by, at their ``file_path``."""

    @abstractmethod
    def __truediv__(self, name: str) -> "Place":
        """The folder of that name in this one."""

    @abstractmethod
    def file_path(self, name: str) -> str:
        """A file as ``files`` takes it."""

    @abstractmethod
    def file_uri(self, name: str) -> str:
        """A file as other engines take it."""

    @abstractmethod
    def storage_options(self) -> dict[str, str] | None:
        """What deltalake needs besides the URI, secrets among it, or None."""

    @abstractmethod
    def make(self, *, is_new: bool = False) -> None:
        """Make the folder, and those above it, where folders are made; ``is_new``: a ``FileExistsError`` if there."""

    @abstractmethod
    def names(self) -> set[str]:
        """What is in the folder, none if it is not there; of a store, what its first thousand keys show."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""

    @abstractmethod
    def has_room(self, size_bytes: int) -> bool:
        """Whether so many bytes more fit."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, over an earlier one; readers see all of one or all of the other."""

    @abstractmethod
    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one, and say whether it was written; some stores ignore the condition."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """The content of a small file; None if there is none."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Delete a file; one that is not there is no error."""

    @abstractmethod
    def keep(self, path: Path, name: str) -> None:
        """Make a finished local file, not empty, a file of this folder; nothing is done where it lies there."""

    @abstractmethod
    def probe(self) -> bool:
        """Find out whether files can be written, without leaving one behind, and whether one can be kept from others.

        Returns:
            Whether a file that is there can be protected from being replaced, as commits to the table need it.
        """


@dataclass(frozen=True, slots=True)
class LocalPlace(Place):
    """A folder on the local disk."""

    path: Path
    """Absolute."""

    @property
    def uri(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def table_uri(self) -> str:
        """A ``file://`` URI."""
        return self.path.as_uri()

    @property
    def files(self) -> FileSystem:
        """Local files."""
        return LocalFileSystem()

    def __truediv__(self, name: str) -> "LocalPlace":
        """The folder of that name in this one."""
        return LocalPlace(self.path / name)

    def file_path(self, name: str) -> str:
        """Its path."""
        return str(self.path / name)

    def file_uri(self, name: str) -> str:
        """A ``file://`` URI."""
        return (self.path / name).as_uri()

    def storage_options(self) -> None:
        """Nothing."""
        return

    def make(self, *, is_new: bool = False) -> None:
        """Make the folder and those above it; an ``OSError`` where that cannot be."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(exist_ok=not is_new)

    def names(self) -> set[str]:
        """What is in the folder; none if it is not there."""
        try:
            return set(os.listdir(self.path))  # noqa: PTH208 - names, not paths
        except FileNotFoundError:
            return set()

    def has(self, name: str) -> bool:
        """Whether there is something of that name."""
        return (self.path / name).exists()

    def has_room(self, size_bytes: int) -> bool:
        """Whether the disk has so many bytes left."""
        return shutil.disk_usage(self.path).free >= size_bytes

    def write(self, name: str, content: bytes) -> None:
        """Write a file beside its place, make it last, and move it there."""
        with tempfile.TemporaryDirectory(dir=self.path, prefix=".partial-") as folder:
            partial = Path(folder) / name
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path / name)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file beside its place, and link it there unless there is one."""
        with tempfile.TemporaryDirectory(dir=self.path, prefix=".partial-") as folder:
            partial = Path(folder) / name
            partial.write_bytes(content)
            try:
                (self.path / name).hardlink_to(partial)
            except FileExistsError:
                return False
        return True

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        (self.path / name).unlink(missing_ok=True)

    def keep(self, path: Path, name: str) -> None:
        """Copy a finished file here unless it lies here."""
        if path.absolute() != self.path / name:
            self.write(name, path.read_bytes())

    def probe(self) -> bool:
        """Try to write to the nearest folder there is, and return True: the file system keeps what is there."""
        place = self.path
        while not os.path.lexists(place):
            place = place.parent
        with tempfile.NamedTemporaryFile(dir=place, prefix=".writable-"):
            return True
