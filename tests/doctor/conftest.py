"""Users that may not do everything."""

from tests.results.conftest import public_folder, run_unprivileged

__all__ = ["public_folder", "run_unprivileged"]
