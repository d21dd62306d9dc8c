"""Scores held against labels: what they are worth on videos that nobody trained on."""
