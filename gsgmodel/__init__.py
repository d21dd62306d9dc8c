"""Score videos for fake faces at scale: the rooms that jobs are built from."""
