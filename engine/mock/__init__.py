"""Runs with made-up steps: the runner that decides for real ones, in simulated time, without Temporal or records."""
