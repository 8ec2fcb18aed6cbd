"""Run as a script by `download.py`: the SDK downloads a release, tries it once and leaves it.

    python -P release_script.py VERSION DIRECTORY

Imports nothing of this package, which need not be on the import path.
"""

from __future__ import annotations

import asyncio
import os
import sys

from temporalio.testing import WorkflowEnvironment


async def _fetch(version: str, directory: str) -> None:
    environment = await WorkflowEnvironment.start_local(
        download_dest_dir=directory, dev_server_download_version=f"v{version}"
    )
    await environment.shutdown()


if __name__ == "__main__":
    code = 0
    try:
        asyncio.run(_fetch(sys.argv[1], sys.argv[2]))
    except RuntimeError as error:  # the one kind of error that the SDK's core raises
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        code = 1
    # As in __main__.py: the SDK may crash in the interpreter's shutdown.
    os._exit(code)
