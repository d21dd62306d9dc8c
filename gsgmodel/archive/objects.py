"""What lies on S3: what an input names there, keys listed page by page, objects looked up by name."""

from collections.abc import Collection, Iterator

from gsgmodel.archive.candidates import LeftOut, failed, judge, reference, why_not
from gsgmodel.archive.conditions import Filters
from gsgmodel.archive.identity import canonical_uri, split_uri
from gsgmodel.archive.s3 import S3Object, head, list_pages
from gsgmodel.errors import ConfigError, DeniedError, MissingError, VideoError
from gsgmodel.records import VideoRef


def locate(given: str, *, endpoint: str | None) -> str:
    """What an input names on the store: one object if there is one of that key, else the folder of that name.

    A bucket, and whatever ends in ``/``, is a folder: every key that begins so. To name one object takes no
    permission to list.

    Args:
        given: An ``s3://`` URI.
        endpoint: Of the store, or None for the environment's.

    Returns:
        Its canonical URI, that of a folder with ``/`` at its end.

    Raises:
        ConfigError: If there is nothing of that name, or the store does not let us look; says why.
    """
    uri = canonical_uri(given)
    folder = uri if uri.endswith("/") else f"{uri}/"
    try:
        if uri != folder and _is_object(uri, endpoint=endpoint):
            return uri
        if _is_folder(folder, endpoint=endpoint):
            return folder
    except VideoError as error:
        raise ConfigError(f"input {uri!r}: {error}") from error
    if uri == folder:
        raise ConfigError(f"input {uri!r} is an empty folder: no key begins so")
    raise ConfigError(f"input {uri!r} does not exist: there is no such key, and none below it")


def walk_keys(
    folder: str, *, filters: Filters, others: Collection[str], endpoint: str | None
) -> Iterator[VideoRef | LeftOut]:
    """Every key of a folder, in the store's order; a page is held at most.

    Args:
        folder: Canonical, with ``/`` at its end.
        filters: Globs are compared with the last part of a key and with what follows the folder.
        others: Canonical URIs of objects and folders that are listed on their own.
        endpoint: Of the store, or None for the environment's.

    Yields:
        Candidates and what is left out.

    Raises:
        ConfigError: If the store fails before the last page: half a listing is none.
    """
    bucket, prefix = split_uri(folder)
    inside = [split_uri(uri)[1] for uri in others if uri != folder and uri.startswith(folder)]
    objects = frozenset(key for key in inside if not key.endswith("/"))
    folders = tuple(key for key in inside if key.endswith("/"))
    try:
        for page in list_pages(bucket, prefix, endpoint=endpoint):
            for found in page:
                if found.key not in objects and not found.key.startswith(folders):
                    reason = why_not(found.key[len(prefix) :], globs=filters.globs)
                    yield _judged(bucket, found, filters=filters, reason=reason)
    except VideoError as error:
        raise ConfigError(f"input {folder!r}: the listing broke off: {error}") from error


def named_object(uri: str, *, filters: Filters, endpoint: str | None) -> VideoRef | LeftOut:
    """An object that was named by its canonical URI: a candidate, whatever it is called, if the conditions hold."""
    bucket, key = split_uri(uri)
    if not key:
        return LeftOut(uri=uri, size_bytes=0, reason="not_a_file", suffix="")
    try:
        found = head(bucket, key, endpoint=endpoint)
    except VideoError as error:
        return failed(uri, error, name=key)
    return _judged(bucket, found, filters=filters)


def _is_object(uri: str, *, endpoint: str | None) -> bool:
    """Whether there is an object of that name.

    Raises:
        DeniedError: If it is there or not, but may not be read, and no key lies below it.
    """
    try:
        head(*split_uri(uri), endpoint=endpoint)
    except MissingError:
        return False
    except DeniedError:
        # Where only what is below a folder may be listed, asking for the folder's name itself is refused.
        if _is_folder(f"{uri}/", endpoint=endpoint):
            return False
        raise
    return True


def _is_folder(folder: str, *, endpoint: str | None) -> bool:
    """Whether any key but the folder's own marker begins so."""
    bucket, prefix = split_uri(folder)
    pages = list_pages(bucket, prefix, endpoint=endpoint, most=2)
    return any(found.key != prefix for page in pages for found in page)


def _judged(bucket: str, found: S3Object, *, filters: Filters, reason: str = "") -> VideoRef | LeftOut:
    listed = reference(
        f"s3://{bucket}/{found.key}",
        etag=found.etag,
        size_bytes=found.size_bytes,
        last_modified_s=found.last_modified_s,
    )
    # Consoles and file browsers make such keys, to show a folder that is empty.
    reason = "directory_marker" if found.key.endswith("/") else reason
    return judge(listed, name=found.key, filters=filters, reason=reason)
