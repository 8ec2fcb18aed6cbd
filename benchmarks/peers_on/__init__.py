"""The same work on each engine, for `benchmarks.peers`. Each module runs as a process, with packages of its own."""
