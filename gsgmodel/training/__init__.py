"""The loop that trains the network, and the one file that spreads it over workers with Ray Train."""

import gsgmodel.scan  # noqa: F401 - it sets what Ray reads while it is imported
