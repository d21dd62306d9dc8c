"""MLflow: models by reference, one run a scan, and models that other teams can load. Nothing else knows MLflow."""
