"""What a workflow is: model, references, expressions, durations, validation and errors. Pure: no I/O, no clock."""
