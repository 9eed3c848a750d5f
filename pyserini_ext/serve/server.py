"""REST and MCP on one port, or MCP over standard input and output."""

import asyncio
import errno
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from llm_encoders.errors import UsageError

MCP_PATH = "/mcp"
_NAME = "mcpyserini"


def bind(host: str, port: int) -> socket.socket:
    """A socket for a server; nothing is accepted on it yet.

    Args:
        host: name or address to listen on.
        port: 0 for any that is free.

    Raises:
        UsageError: the port is in use, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"Port {port} is in use on {host}. Give another one with --port, or --port 0 for "
                "any that is free."
            ) from None
        raise UsageError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from None
    return bound


def mcp_server(register: Callable[[Any], None]) -> Any:
    """An MCP server with the tools that ``register`` puts into it."""
    from fastmcp import FastMCP

    mcp = FastMCP(_NAME)
    register(mcp)
    return mcp


def serve_http(rest: Any, mcp: Any | None, bound: socket.socket, ready: str) -> None:
    """Answer until the process is told to stop.

    Args:
        rest: an ASGI application.
        mcp: an MCP server, answered at ``/mcp``.
        bound: of :func:`bind`.
        ready: a line that is printed once requests are answered.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                print(ready, flush=True)

    app = rest if mcp is None else _both(rest, mcp.http_app(path=MCP_PATH))
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    with suppress(KeyboardInterrupt):  # how a server is stopped
        Server(config).run(sockets=[bound])


def _both(rest: Any, mcp: Any) -> Any:
    """One application: MCP at its path, REST everywhere else."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        # A mount moves the path it is mounted at out of the scope; here that is nothing.
        chosen = mcp if scope["path"].rstrip("/") == MCP_PATH else rest
        await chosen(scope, receive, send)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for one in (rest, mcp):
                await stack.enter_async_context(one.router.lifespan_context(one))
            yield

    return Starlette(routes=[Mount("/", app=dispatch)], lifespan=lifespan)


def serve_stdio(mcp: Any, ready: str) -> None:
    """Answer MCP messages of standard input on standard output, until the input ends."""
    print(ready, file=sys.stderr, flush=True)
    with suppress(KeyboardInterrupt):
        asyncio.run(mcp.run_stdio_async(show_banner=False))
