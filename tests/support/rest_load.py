"""Load for the REST proxy, as a program of its own, so that it shares no process with the proxy.

``python -m tests.support.rest_load PORT TOPIC RECORDS SECONDS CONNECTIONS`` sends the same prepared
request over each connection again and again, and prints events, seconds and failed requests
as JSON. It reads only status and length of a response, so that the load is not the bottleneck.
"""

import asyncio
import json
import sys
import time

from contract.wire import KAFKA_JSON

EVENT_BYTES = 720


def event() -> dict[str, object]:
    """Return a pin of 720 bytes."""
    row: dict[str, object] = {
        "index": 7528,
        "unique_id": "fbe53c66-3442-4773-b19e-d3ec6f54dddf",
        "title": "No Title Data Available \u2026",
        "follower_count": "12k",
        "is_image_or_video": "image",
        "downloaded": 1,
        "save_location": "Local save in /data/mens-fashion",
        "category": "mens-fashion",
        "description": "",
    }
    row["description"] = "d" * (EVENT_BYTES - len(compact(row)))
    return row


def compact(document: object) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def request(port: int, topic: str, records: int) -> bytes:
    """Return the bytes of one request."""
    body = compact({"records": [{"value": event()}] * records})
    head = (
        f"POST /topics/{topic} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: {KAFKA_JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """Sends the request, and again at each response, until ``until``."""

    def __init__(self, content: bytes, until: float) -> None:
        self.content, self.until = content, until
        self.sent = 0.0
        self.answers = self.failed = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self.content)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        start = head.index(b"content-length: ") + 16
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(self._received) < end + 4 + length:
            return
        good = head.startswith(b"http/1.1 200") and b'"error_code":5' not in self._received
        self._received = b""
        self.answers += good
        self.failed += not good
        if time.perf_counter() < self.until:
            self._transport.write(self.content)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set_result(None)


async def load(port: int, topic: str, records: int, seconds: float, connections: int) -> None:
    """Run the load and print the number of acknowledged events."""
    loop = asyncio.get_running_loop()
    content = request(port, topic, records)
    began = time.perf_counter()
    clients = [
        (
            await loop.create_connection(
                lambda: Connection(content, began + seconds), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.closed for client in clients))
    result = {
        "events": records * sum(client.answers for client in clients),
        "failed": sum(client.failed for client in clients),
        "seconds": time.perf_counter() - began,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    port, topic, records, seconds, connections = sys.argv[1:]
    asyncio.run(load(int(port), topic, int(records), float(seconds), int(connections)))
