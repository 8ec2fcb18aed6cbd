"""What runs inside Temporal's deterministic sandbox: the pure runner, and the workflow around it."""
