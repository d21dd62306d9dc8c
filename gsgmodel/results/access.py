"""What deltalake must be told to reach a store of S3: address, region, credentials, patience.

Left to itself it would look for credentials in other places than everything else here does: with an address of one's
own it knows neither profiles nor roles to assume. So botocore, in the session of the client that all other requests
go through, finds them, renews them, and they are handed over in memory, as they are at that moment.
"""

import os
import re
from typing import Any

from botocore.exceptions import BotoCoreError
from fsspec.asyn import AsyncFileSystem, sync

from gsgmodel.archive.s3 import connect
from gsgmodel.errors import DeniedError
from gsgmodel.redact import redact

_OF_AWS = re.compile(r"https://s3[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?/?\Z")
_NOWHERE = frozenset({"", "aws-global"})
_DEFAULT_REGION = "us-east-1"
_PATIENCE = {
    "connect_timeout": "5s",
    "timeout": "30s",
    "max_retries": "3",
    "retry_timeout": "45s",
    "backoff_config.init_backoff": "200ms",
    "backoff_config.max_backoff": "3s",
}
"""So that a store that is down is an error within about a minute, in whatever way it is down."""


def storage_options(endpoint: str | None) -> dict[str, str]:
    """Tell deltalake how to reach a store; they hold secrets: for its calls only, never shown or kept.

    Args:
        endpoint: Of the store, or None for the environment's.

    Returns:
        The options; they differ from earlier ones where credentials were renewed.

    Raises:
        DeniedError: If there are no credentials, or they cannot be renewed.
    """
    store = connect(endpoint)
    try:
        client, keys = sync(store.loop, _known, store)
    except BotoCoreError as error:
        raise DeniedError(redact(str(error))) from error
    if keys is None:
        raise DeniedError("no credentials in the environment")
    options = {
        **_PATIENCE,
        "aws_conditional_put": "etag",
        "AWS_REGION": _region(client.meta.region_name),
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }
    if keys.token:
        options["AWS_SESSION_TOKEN"] = keys.token
    address = client.meta.endpoint_url
    if endpoint or not _OF_AWS.match(address):
        options["AWS_ENDPOINT_URL"] = address
        options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = "false"
        options["AWS_ALLOW_HTTP"] = str(address.startswith("http://")).lower()
    return options


async def _known(store: AsyncFileSystem) -> tuple[Any, Any]:
    """The store's client, and the credentials of its session as they are now, or None."""
    client = await store.set_session()
    credentials = await store.session.get_credentials()
    return client, credentials and await credentials.get_frozen_credentials()


def _region(of_client: str | None) -> str:
    """The region of the environment, which botocore reads from one of its two variables only, else the client's."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or of_client or ""
    return _DEFAULT_REGION if named in _NOWHERE else named
