"""What a step does: the handler registry, one attempt around a handler, and the records written beside it."""
