"""The Scheduling API."""
