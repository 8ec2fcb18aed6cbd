"""Handlers of the model selection example: each is one step of `workflow.yaml`, a function of its input dict."""
