"""Sets of labelled videos: what is in them, and made forgeries where there is no data set."""
