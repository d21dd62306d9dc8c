"""Results: the Delta table of videos, what of it is done, and the folder of a run."""
