"""What can be set for work on a table is checked before anything is opened."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.upkeep.settings import ExportSettings, TableSettings, VacuumSettings, VerifySettings


def test_the_defaults_are_safe():
    assert (VacuumSettings().older_than, VacuumSettings().dry_run) == ("7d", False)
    assert (ExportSettings().format, ExportSettings().latest, ExportSettings().scoring) == (None, False, None)
    assert (VerifySettings().sample, VerifySettings().seed, VerifySettings().model) == (10, 0, None)


@pytest.mark.parametrize("kind", [TableSettings, VacuumSettings, ExportSettings, VerifySettings])
def test_an_endpoint_with_credentials_is_refused_without_showing_them(kind):
    with pytest.raises(ConfigError, match="--s3-endpoint") as caught:
        kind(s3_endpoint="http://user:hunter2@store")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("sample", [0, -3])
def test_a_sample_of_nothing_is_refused(sample):
    with pytest.raises(ConfigError, match=f"--sample is {sample}; accepted: 1 or more"):
        VerifySettings(sample=sample)
