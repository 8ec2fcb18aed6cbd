"""Searching the whole problem with CP-SAT. Imports OR-Tools: loaded only when a problem needs it."""
