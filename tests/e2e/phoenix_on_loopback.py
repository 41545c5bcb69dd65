"""Starts Phoenix, in the Python that it is installed in, with its gRPC port on loopback only.

PHOENIX_HOST is where its pages and OTLP/HTTP listen; the gRPC port listens on every interface, whatever it says.
"""

from __future__ import annotations

import runpy
from typing import Any

from grpc.aio import _server  # the abstract class that grpc.aio exports is not what listens

_listen = _server.Server.add_insecure_port


def _on_loopback(self: Any, address: str) -> int:
    return _listen(self, address.replace("[::]", "127.0.0.1"))


_server.Server.add_insecure_port = _on_loopback
runpy.run_module("phoenix.server.main", run_name="__main__", alter_sys=True)
