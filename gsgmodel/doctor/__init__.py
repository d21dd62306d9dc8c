"""Whether a machine, a cluster, stores and MLflow are fit and safe for scans, and what to do where they are not."""
