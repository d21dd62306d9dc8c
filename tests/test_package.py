import os
import subprocess
import sys

import pytest

PRINTS = "import gsgmodel, os, sys; print(*(os.environ[name] for name in sys.argv[1:]))"
NAMES = ("RAY_USAGE_STATS_ENABLED", "MLFLOW_DISABLE_TELEMETRY")


@pytest.mark.parametrize(("given", "said"), [({}, "0 true"), ({NAMES[0]: "1"}, "1 true")])
def test_nothing_reports_its_use_unless_someone_wants_it(given, said):
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    run = subprocess.run(
        [sys.executable, "-c", PRINTS, *NAMES], env=environment | given, capture_output=True, check=True
    )
    assert run.stdout.decode().split() == said.split()


def test_ray_and_mlflow_read_these_variables():
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
    from ray._common.usage import usage_constants

    assert NAMES[0] == usage_constants.USAGE_STATS_ENABLED_ENV_VAR
    assert MLFLOW_DISABLE_TELEMETRY.name == NAMES[1]
