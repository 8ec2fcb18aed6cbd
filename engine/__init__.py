"""The one core behind every surface: definitions, executions, the worker, the relay and the reconciler."""
