"""Amazon's event streams, frame by frame: botocore has only a decoder.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html describes the frames.
"""

from __future__ import annotations

import base64
import json
import struct
from binascii import crc32
from typing import Any


def frame(payload: dict[str, Any], **headers: str) -> bytes:
    """One frame; of the headers' names `_` is written as `-`."""
    packed = b""
    for key, value in headers.items():
        name, text = f":{key.replace('_', '-')}".encode(), value.encode()
        packed += bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(text)) + text
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", len(packed) + len(body) + 16, len(packed))
    message = prelude + struct.pack(">I", crc32(prelude)) + packed + body
    return message + struct.pack(">I", crc32(message))


def event(kind: str, payload: dict[str, Any]) -> bytes:
    """An event of this kind."""
    return frame(payload, message_type="event", event_type=kind, content_type="application/json")


def chunk(payload: dict[str, Any]) -> bytes:
    """A piece of what an invoked model streams."""
    data = base64.b64encode(json.dumps(payload, separators=(",", ":")).encode()).decode()
    return event("chunk", {"bytes": data})


def exception(kind: str, message: str) -> bytes:
    """An exception in mid-stream."""
    payload = {"message": message}
    return frame(payload, message_type="exception", exception_type=kind, content_type="application/json")
