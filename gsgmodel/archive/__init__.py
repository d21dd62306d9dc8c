"""Objects of an archive: how they are named, listed and read by range."""
