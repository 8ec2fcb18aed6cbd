"""Handlers of the small examples: one module for each definition."""
