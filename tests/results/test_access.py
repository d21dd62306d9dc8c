"""What deltalake is told about a store, from whatever source botocore has it."""

import pytest

from gsgmodel.archive.s3 import connect
from gsgmodel.errors import DeniedError
from gsgmodel.results.access import storage_options

SECRETS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No credentials, no settings, no address in the environment, in files or on the machine."""
    for name in (*SECRETS, "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    connect.cache_clear()
    yield monkeypatch
    connect.cache_clear()


@pytest.fixture
def keys(nowhere):
    nowhere.setenv("AWS_ACCESS_KEY_ID", "key")
    nowhere.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return nowhere


@pytest.mark.parametrize("address", ["http://127.0.0.1:9000", "https://store.example"])
@pytest.mark.parametrize("variable", [None, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_address_of_ones_own_is_told_from_wherever_it_comes(keys, address, variable):
    if variable:
        keys.setenv(variable, address)
    options = storage_options(None if variable else address)
    assert options["AWS_ENDPOINT_URL"] == address
    assert options["AWS_ALLOW_HTTP"] == str(address.startswith("http:")).lower()
    assert options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == "false"
    assert options["aws_conditional_put"] == "etag"


def test_the_address_for_s3_comes_before_that_for_everything(keys):
    keys.setenv("AWS_ENDPOINT_URL", "http://other:1")
    keys.setenv("AWS_ENDPOINT_URL_S3", "http://store:1")
    assert storage_options(None)["AWS_ENDPOINT_URL"] == "http://store:1"


@pytest.mark.parametrize("region", [None, "us-east-1", "eu-central-1", "cn-north-1"])
def test_amazon_is_found_by_its_region(keys, region):
    if region:
        keys.setenv("AWS_DEFAULT_REGION", region)
    options = storage_options(None)
    assert "AWS_ENDPOINT_URL" not in options
    assert options["AWS_REGION"] == (region or "us-east-1")


def test_either_variable_names_the_region(keys):
    keys.setenv("AWS_REGION", "eu-west-1")
    assert storage_options(None)["AWS_REGION"] == "eu-west-1"


def test_keys_of_the_environment_are_told_with_their_token(keys):
    assert {name for name in storage_options(None) if name in SECRETS} == SECRETS - {"AWS_SESSION_TOKEN"}
    keys.setenv("AWS_SESSION_TOKEN", "token")
    connect.cache_clear()
    options = storage_options(None)
    assert [options[name] for name in sorted(SECRETS)] == ["key", "secret", "token"]


def test_a_profile_tells_keys_and_region(nowhere, tmp_path):
    (tmp_path / "credentials").write_text("[nightly]\naws_access_key_id = pk\naws_secret_access_key = ps\n")
    (tmp_path / "config").write_text("[profile nightly]\nregion = ap-south-1\n")
    nowhere.setenv("AWS_PROFILE", "nightly")
    options = storage_options("http://127.0.0.1:9000")
    assert options["AWS_ACCESS_KEY_ID"] == "pk"
    assert options["AWS_SECRET_ACCESS_KEY"] == "ps"
    assert options["AWS_REGION"] == "ap-south-1"


def test_keys_that_run_out_are_asked_for_again(nowhere, tmp_path):
    """By a program that a profile names, as by a role: each answer is good for a moment less than it is held."""
    program = tmp_path / "keys.sh"
    program.write_text(
        f"""#!/bin/sh
echo x >> {tmp_path}/asked
echo "{{\\"Version\\": 1, \\"AccessKeyId\\": \\"k$(wc -l < {tmp_path}/asked)\\", \\"SecretAccessKey\\": \\"s\\",
  \\"SessionToken\\": \\"t\\", \\"Expiration\\": \\"$(date -u -d '+5 minutes' +%Y-%m-%dT%H:%M:%SZ)\\"}}"
"""
    )
    program.chmod(0o755)
    (tmp_path / "config").write_text(f"[profile role]\ncredential_process = {program}\n")
    nowhere.setenv("AWS_PROFILE", "role")
    first, second = (storage_options("http://127.0.0.1:9000") for _ in range(2))
    assert first["AWS_SESSION_TOKEN"] == "t"
    assert first["AWS_ACCESS_KEY_ID"] != second["AWS_ACCESS_KEY_ID"]


def test_no_credentials_and_no_such_profile_are_one_sentence(nowhere):
    with pytest.raises(DeniedError, match="no credentials in the environment"):
        storage_options("http://127.0.0.1:9000")
    nowhere.setenv("AWS_PROFILE", "not-there")
    connect.cache_clear()
    with pytest.raises(DeniedError, match="not-there"):
        storage_options("http://127.0.0.1:9000")
