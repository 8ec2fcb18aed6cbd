"""What the Orchestration API lies on: workflows with their metrics, executions with progress, usage and logs."""
