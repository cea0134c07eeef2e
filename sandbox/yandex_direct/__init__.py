"""A stand-in for Yandex Direct's Reports service: what a little advertiser was charged, day by day.

    python -m sandbox.yandex_direct --port 8087 --token TOKEN       then api_base http://127.0.0.1:8087

A report is made at once, or `queued` requests later (201, then 202, with `retryIn`), and known by its name: other parameters
under it are refused (4000), more than five waiting too (9000), as are more than 20 requests in ten seconds (56). Figures of
the last days are restated when asked to.
"""

from sandbox.yandex_direct.reports import YandexDirect

__all__ = ["YandexDirect"]
