"""A platform that pushes webhooks: a process of its own, with as little work for each request as HTTP allows.

`python -m workers.bench.load PORT CONNECTIONS` reads whole HTTP requests from standard input, each behind its length (4
bytes, big-endian: `framed`), and prints the seconds it took and the answers by status. Each connection sends a request,
waits for its answer, sends the next.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import uvloop

from workers.bench.hooks import Called


async def main(port: int, connections: int) -> None:
    requests = iter(list(_unframed(sys.stdin.buffer.read())))
    answers: Counter[str] = Counter()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_client(port, requests, answers))
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began, "answers": answers}))


def framed(requests: Iterable[tuple[str, Called]]) -> bytes:
    """Of pairs of a path and a request."""
    whole = (request_for(path, called) for path, called in requests)
    return b"".join(len(each).to_bytes(4, "big") + each for each in whole)


def _unframed(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        end = at + 4 + int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : end]
        at = end


def request_for(path: str, called: Called) -> bytes:
    """As it goes over the line."""
    headers = {"Host": "127.0.0.1", **called.headers, "Content-Length": str(len(called.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + called.body


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
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
