"""The clip store: crops of labelled videos in Parquet shards, and a Delta table that is their index."""
