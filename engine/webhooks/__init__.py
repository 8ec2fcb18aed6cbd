"""Webhooks: who is told of what happens in runs, and that they are."""
