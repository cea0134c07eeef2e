"""A platform that pushes webhooks: a process of its own, with as little work for each request as HTTP allows.

`python -m workers.bench.load PORT PATH CONNECTIONS` reads requests' bodies, one a line, from standard input and prints
the seconds it took and the answers by status. Each connection sends a request, waits for its answer, sends the next.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import uvloop

HEADERS: Final = (
    "Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "X-Telegram-Bot-Api-Secret-Token: bench-secret\r\nX-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
)


async def main(port: int, path: str, connections: int) -> None:
    lines = sys.stdin.buffer.read().splitlines()
    requests = iter([request_for(path, *line.split(b"\t", 1)) for line in lines])
    answers: Counter[str] = Counter()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_client(port, requests, answers))
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began, "answers": answers}))


def request_for(path: str, signature: bytes, body: bytes) -> bytes:
    head = HEADERS.format(signature=signature.decode(), length=len(body))
    return f"POST {path} HTTP/1.1\r\n{head}".encode() + body


async def _client(port: int, requests: Iterator[bytes], answers: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        writer.write(request)
        answers[await answer_of(reader)] += 1
    writer.close()


async def answer_of(reader: asyncio.StreamReader) -> str:
    """The status; the body is read and thrown away."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line[15:])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    if length:
        await reader.readexactly(length)
    return head[9:12].decode()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
