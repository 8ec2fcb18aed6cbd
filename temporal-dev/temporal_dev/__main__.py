"""`python -m temporal_dev`: a local Temporal server until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import platformdirs

from temporal_dev.errors import DevServerError, ServerFailed
from temporal_dev.locate import external_address, locate
from temporal_dev.server import DevServer, describe_external, require_answer


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _json_pair(text: str) -> tuple[str, object]:
    name, value = _pair(text)
    try:
        return name, json.loads(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not JSON (text needs quotes)") from None


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m temporal_dev", description="A local Temporal server until Ctrl-C.")
    parser.add_argument("--host", default="127.0.0.1", help="IP address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7233, help="for clients; 0: any free one (default: %(default)s)")
    parser.add_argument(
        "--ui-port", type=int, default=8233, help="for browsers; 0: any free one (default: %(default)s)"
    )
    parser.add_argument("--headless", action="store_true", help="no web UI")
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=platformdirs.user_data_path("longpole") / "temporal",
        help="where the database and the log are (default: %(default)s)",
    )
    parser.add_argument("--namespace", default="default", help="made if missing (default: %(default)s)")
    parser.add_argument("--search-attribute", type=_pair, action="append", default=[], metavar="NAME=TYPE")
    parser.add_argument("--dynamic-config", type=_json_pair, action="append", default=[], metavar="KEY=JSON")
    parser.add_argument(
        "--durability",
        choices=("normal", "full"),
        default="normal",
        help="full also survives loss of power, and is slower (default: %(default)s)",
    )
    parser.add_argument("--locate", action="store_true", help="only find or build the server, and say which it is")
    return parser.parse_args(argv)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")


def _serve(arguments: argparse.Namespace) -> None:
    with DevServer.start(
        locate(on_progress=_progress),
        data_dir=arguments.data_dir,
        host=arguments.host,
        port=arguments.port,
        ui_port=arguments.ui_port,
        namespace=arguments.namespace,
        search_attributes=dict(arguments.search_attribute),
        dynamic_config=dict(arguments.dynamic_config),
        durability=arguments.durability,
        ui=not arguments.headless,
    ) as server:
        _say(server.describe())
        code = server.wait()
        raise ServerFailed(f"the Temporal server ended by itself with {code}; its log is {server.log_path}")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 after Ctrl-C or SIGTERM, 1 after an error, which was told in one message."""
    arguments = _arguments(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if arguments.locate:
            _say(locate(on_progress=_progress).describe())
        elif address := external_address(os.environ):
            version = require_answer(address)
            _say(f"{describe_external(address)}, server {version}: nothing to start")
        else:
            _serve(arguments)
    except KeyboardInterrupt:
        return 0
    except DevServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    # No tidy interpreter shutdown: the SDK's threads may crash in it when a call has only just ended
    # (https://github.com/temporalio/sdk-python/issues/300), and its exit code would be lost. Nothing is left to tidy.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
