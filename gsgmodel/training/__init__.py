"""The loop that trains the network, and the one file that spreads it over workers with Ray Train."""
