"""A receiver of webhooks in a process of its own: accepts at `/ok`, never answers at `/hang`. Prints its port."""

from __future__ import annotations

import asyncio


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, for as many requests as come."""
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode().lower():
            await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
            if head.startswith("post /hang"):
                await asyncio.sleep(86_400)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Until it is killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
