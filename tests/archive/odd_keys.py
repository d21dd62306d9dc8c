"""Keys that break clients which take them for paths or URLs."""

ODD_KEYS = [
    "/lead.mp4",
    "a//b.mp4",
    "a/../b.mp4",
    "./a.mp4",
    "..",
    "%41.mp4",
    "x?versionId=3.mp4",
    "h#1.mp4",
    "&amp;<x>.mp4",
    "'\"\\.mp4",
    "tab\t.mp4",
    "cr\r.mp4",
    "bell\x07.mp4",
    "a+b c.mp4",
    " .mp4",
    "dots...",
    "~*[a].mp4",
    "\u00e9\u6f22\U0001f600.mp4",
    "e\u0301.mp4",
]
"""All that S3 allows but a line break, which the server of tests does not take."""
