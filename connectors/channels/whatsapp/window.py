"""WhatsApp's customer-service window: free replies until 24 hours after the customer's last message, then templates only.

Meta, send-messages, "Customer service windows". A click on an advertisement makes 72 hours free of charge, not of the rule.
"""

from datetime import timedelta
from typing import Final

WINDOW: Final = timedelta(hours=24)
