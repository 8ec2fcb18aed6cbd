"""The garbage collector of a worker's process, and of the API's.

A worker has some 160,000 objects from its start to its end (modules, the database's mappings), and to look through all
of them takes 0.2 s, in which every run stands still. Runs of workflows make a thousand objects each that live as long
as they do, which would have the collector do that after every fifty runs. The API has as many, and plans are large.
"""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 5, 5)
"""For `gc.set_threshold`: at most 250,000 new objects are ever looked through at once."""


def spare_what_stays() -> None:
    """What there is now is not looked through again, and what comes less often. For a process of ours, once it is ready
    for its work."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
