"""What runs: each file parses its settings and reads as the flow."""
