"""From definitions and pools to a planning problem, and from a plan to what people are told about it."""
