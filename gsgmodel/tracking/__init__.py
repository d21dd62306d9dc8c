"""MLflow: models by reference, a run for each scan and training, models that others load; nothing else knows it."""

import os

REQUEST_S = "8"
"""How long MLflow may take to answer one request; asked twice, a server that hangs costs 16 seconds."""
# MLflow reads these where it is imported or used; it would report its use, wait for a quarter of an hour for a server
# that is down, sleep as long as a server tells it to, and write to the terminal. What the user has set stays.
_DEFAULTS = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": REQUEST_S,
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)
