"""Score videos for fake faces at scale: the rooms that jobs are built from."""

import os

# Ray and MLflow report their use unless told not to, however a process was started; who wants that says so.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
