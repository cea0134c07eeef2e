"""A stand-in for VK Реклама's API: tokens, campaigns, statistics by day.

    python -m sandbox.vk_ads --port 8088 --client-id ID --client-secret SECRET       then api_base http://127.0.0.1:8088

A client has five tokens at most, for a day each; one answer is for 50 campaigns and 92 days at most; quotas are answered 429
with how long to wait. Statistics carry no names.
"""

from sandbox.vk_ads.api import VkAds

__all__ = ["VkAds"]
