"""Notifications: whom a workflow tells how its executions end."""
