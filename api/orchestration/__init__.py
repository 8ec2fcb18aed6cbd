"""The Orchestration API (`/v1/workflows`): a surface over the engine."""
