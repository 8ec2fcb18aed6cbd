"""Workflows run again and again: schedules, kept in the store and fired by Temporal."""
