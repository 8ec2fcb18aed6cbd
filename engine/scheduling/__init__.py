"""Workflows planned on pools that all share: reserved in one transaction with the plan, run at their hour."""
