"""Ports that nobody listens on, for servers that cannot choose one by themselves."""

import socket
from collections.abc import Sequence


def free_ports(count: int) -> Sequence[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
