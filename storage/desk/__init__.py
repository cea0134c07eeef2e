"""What colleagues do, each as one transaction: load, let the router decide, save, write the audit line.

The same records, locks and facts as the hot path's, so that an answer, a resolve and an arriving message may meet and
the counters still agree. When two such transactions meet in the database, the later one is decided anew.
"""

from storage.desk.bulk import BulkDesk
from storage.desk.contacts import ContactDesk
from storage.desk.conversations import ConversationDesk
from storage.desk.keys import KeyDesk
from storage.desk.leads import LeadDesk
from storage.desk.macros import MacroDesk


class Desk(MacroDesk, ConversationDesk, BulkDesk, ContactDesk, KeyDesk, LeadDesk):
    """See `inbox.desk.Desk` for what each method promises."""


__all__ = ["Desk"]
