"""Agents that come with Longpole: handlers of steps that have a prompt and parameters."""
