"""The broker in RabbitMQ 3.10 or newer: quorum queues, confirms, delayed retries, broadcasts.

Two connections, each opened when first needed and again after a loss: one publishes, one consumes and listens,
because RabbitMQ holds back a connection that publishes while memory or disk is short, and consuming is what frees
them. Nothing reconnects behind the caller's back: a publish that meets a dead line raises BrokerDown within
`patience` seconds and the next one tries anew; a consumer raises and is entered again; only `listen` goes on by itself.

    publish ──▶ queue ──▶ consumer ──▶ ack
                  ▲          │ retry: published to the exchange of the delay, then acked
                  │          ▼
                  ├─── allo.retry.5s   what expires here goes back to the queue of its routing key
                  │
                  └──▶ allo.dead       bury: published here with its reason, then acked;
                                       or the broker's own doing, after too many deliveries

"Published, then acked" can double a message when the line is cut in between, and never loses one.

Nobody but this package imports aio-pika or aiormq. aio-pika connects; everything else speaks to the aiormq channel
underneath, which costs a third less per message and hides no reconnecting.
"""

from workers.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker"]
