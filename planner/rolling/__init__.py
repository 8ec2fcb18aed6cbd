"""Plans of thousands of tasks, improved window of time by window of time.

Nothing is imported before it is asked for."""
