"""One video from its bytes to its verdict, without Ray: what scanning, training and served models share."""
