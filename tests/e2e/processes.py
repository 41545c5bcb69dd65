"""Programs and servers on loopback: started for a test, waited for, and always stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# What the reader of these tests has set for their own telemetry or proxies is not for loopback.
ENVIRON = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PHOENIX_"))},
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on right now."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def fetch(url: str, data: bytes | None = None, **headers: str) -> bytes:
    """The body behind a URL; OSError if there is none."""
    request = urllib.request.Request(
        url, data, {name.replace("_", "-"): value for name, value in headers.items()}
    )
    with _DIRECT.open(request, timeout=10) as response:
        return response.read()


def answers(url: str) -> Callable[[], bool]:
    """Whether a page can be read."""

    def check() -> bool:
        fetch(url)
        return True

    return check


def listens(*ports: int) -> Callable[[], bool]:
    """Whether somebody listens on all these ports."""

    def check() -> bool:
        for port in ports:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True

    return check


def eventually(check: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """The first result of `check` that is neither empty nor an error; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            result = check()
            if result:
                return result
            last = result
        except (OSError, ValueError, LookupError) as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:g} s; last seen: {last!r}")


@contextmanager
def running(
    command: Sequence[object],
    log: Path,
    ready: Callable[[], bool],
    *,
    seconds: float = 60,
    **environ: str,
) -> Iterator[None]:
    """A server, from when it is ready to the end of the block."""
    words = [str(word) for word in command]
    with log.open("ab") as out:
        # With a group of its own: some of these are wrappers around the server itself.
        server = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**ENVIRON, **environ},
            start_new_session=True,
        )
    try:
        try:
            eventually(lambda: server.poll() is not None or ready(), f"{words[0]} ready", seconds)
            assert server.poll() is None, f"{words[0]} ended with {server.returncode}"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text(errors='replace')[-2000:]}") from None
        yield
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
