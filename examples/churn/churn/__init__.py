"""Handlers of the churn pipeline: the warehouse that it extracts from, and its report."""
