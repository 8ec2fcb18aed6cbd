"""Why a problem has no plan: the parts of `planner.infeasibility`."""
