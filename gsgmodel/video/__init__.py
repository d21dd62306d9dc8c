"""Untrusted bytes to frames, and frames to a file: the only room that knows PyAV."""
