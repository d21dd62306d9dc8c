"""Tables of results, as the room that writes them has them in its tests."""

from tests.results.conftest import output, public_folder, rows, run_unprivileged, s3_output

__all__ = ["output", "public_folder", "rows", "run_unprivileged", "s3_output"]
