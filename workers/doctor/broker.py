"""The broker: does it answer, does it take anything, and does work pile up in it."""

from typing import Final

from workers.broker import Broker, BrokerDown
from workers.doctor.finding import Finding, broken, doubtful, fine
from workers.topology import DEAD, QUEUES

MANY: Final = 10_000
"""Messages: more than a minute's work of one router."""

OTHERWISE: Final = "PRECONDITION_FAILED"
"""AMQP 0-9-1: a queue is declared with other arguments than it has."""


async def examine_broker(broker: Broker, *, url: str) -> list[Finding]:
    """`url` is "" for the queue in PostgreSQL."""
    which = "RabbitMQ" if url else "The queue in PostgreSQL"
    try:
        await broker.ping()
        depths = {queue: await broker.depth(queue) for queue in QUEUES}
    except BrokerDown as down:
        if OTHERWISE in str(down):
            return [
                broken(
                    "broker",
                    f"{which} has a queue of ours that was made otherwise than this version makes it: {down}.",
                    "Empty it with the version before, delete it, and start: deploy/runbook.md has the steps.",
                )
            ]
        advice = "Start it, or correct ALLO_BROKER_URL. Until then webhooks are answered 503, and platforms try again."
        return [broken("broker", f"{which} cannot be reached: {down}.", advice)]
    try:
        # An empty line tells nobody anything; but a server that is short of memory answers questions and holds back
        # whoever sends.
        await broker.broadcast(b"\n")
    except BrokerDown as down:
        return [
            broken(
                "broker",
                f"{which} answers, and takes no messages: {down}.",
                "It is short of memory or disk (for RabbitMQ `rabbitmq-diagnostics alarms` says of which). Until then "
                "webhooks are answered 503, and platforms try again; what it holds is still handed out.",
            )
        ]
    full = {queue: depth for queue, depth in depths.items() if depth > MANY and queue != DEAD}
    waiting = sum(depths.values())
    if full:
        named = ", ".join(f"{depth} in {queue}" for queue, depth in full.items())
        return [
            doubtful(
                "broker",
                f"{which} answers; work piles up: {named}.",
                "Is `allo serve` with the roles router and workers running? More of them share the work.",
            )
        ]
    return [fine("broker", f"{which} answers; {waiting} messages wait in it.")]
