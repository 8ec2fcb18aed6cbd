"""The command line: one file a command. Server packages are imported by the commands that need them, when they run."""
