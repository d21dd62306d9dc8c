"""How good scores are: curves, operating points, calibration, intervals."""
