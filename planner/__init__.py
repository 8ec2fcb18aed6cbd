"""From a problem to a plan. Pure: no web, SQL or Temporal."""
