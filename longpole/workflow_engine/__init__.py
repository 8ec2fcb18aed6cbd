"""The engine's Python face: `WorkflowEngine`, `WorkflowService`, and what they return."""
