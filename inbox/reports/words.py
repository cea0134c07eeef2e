"""What models, bases and groupings are called, and what they mean; and the words of figures, which storage has in English.

Figures are defined in `storage.analytics`, which knows no languages: `_FIGURES` repeats their words for `pybabel extract`, and
a test says that none is missing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from inbox.wording import N_

MODELS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "last": (N_("Last touch"), N_("All to whoever came last before the lead.")),
        "last_non_direct": (
            N_("Last non-direct"),
            N_("As the last touch, direct visits left out while there is anything else."),
        ),
        "first": (N_("First touch"), N_("All to whoever brought the person first.")),
        "linear": (N_("Linear"), N_("The same share to each touch.")),
        "time_decay": (
            N_("Time decay"),
            N_("The later the more: a share halves for every 7 days before the lead."),
        ),
        "position_40_20_40": (
            N_("By position 40–20–40"),
            N_("40 % each to the first and the last touch, 20 % to those between."),
        ),
        "position_20_60_20": (
            N_("By position 20–60–20"),
            N_("20 % each to the first and the last touch, 60 % to those between."),
        ),
        "position_10_50_40": (
            N_("By position 10–50–40"),
            N_("10 % to the first touch, 40 % to the last, 50 % to those between."),
        ),
        "snapshot_last": (
            N_("Last, as it was known then"),
            N_("The lead’s last touch at its creation, whatever was learnt of the person later."),
        ),
        "snapshot_first": (
            N_("First, as it was known then"),
            N_("The lead’s first touch at its creation, whatever was learnt of the person later."),
        ),
    }
)

BASES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "cohort": (
            N_("Cohort"),
            N_("Leads created in the period, and whatever became of them since."),
        ),
        "event": (
            N_("By event date"),
            N_("What happened in the period: a sale counts on the day it was made."),
        ),
    }
)

GROUPINGS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "source": (N_("Source → ad"), N_("Source")),
        "source_term": (N_("Source → phrase"), N_("Source")),
        "campaign": (N_("Campaign"), N_("Campaign")),
        "content": (N_("Ad"), N_("Ad")),
        "term": (N_("Phrase"), N_("Phrase")),
        "landing": (N_("Landing page"), N_("Landing page")),
        "said": (N_("How they heard of us"), N_("How they heard of us")),
        "channel": (N_("Channel"), N_("Channel")),
        "account": (N_("Account"), N_("Account")),
        "number": (N_("Our number"), N_("Our number")),
        "manager": (N_("Manager"), N_("Manager")),
        "stage": (N_("Stage"), N_("Stage")),
        "team": (N_("Team"), N_("Team")),
        "weekday": (N_("Day of the week"), N_("Day of the week")),
        "hour": (N_("Hour"), N_("Hour")),
        "pipeline": (N_("Pipeline"), N_("Pipeline")),
        "day": (N_("Day"), N_("Day")),
        "week": (N_("Week"), N_("Week")),
        "month": (N_("Month"), N_("Month")),
    }
)
"""As a choice, and as the heading of a column or the name of a filter."""

COMPARED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "previous": N_("With the days before"),
        "year": N_("With a year earlier"),
        "none": N_("With nothing"),
    }
)

CLEARER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Won": N_("Leads won"),
        "Lost": N_("Leads lost"),
        "Open": N_("Leads open"),
        "Missed": N_("Calls missed"),
    }
)
"""In place of words that are of one lead elsewhere, and would be put into Russian as such."""

_FIGURES: Final = (
    N_("Inquiries"), N_("messages that begin a conversation or come after a day, and calls"),
    N_("Leads"), N_("lead cards, duplicates that were merged left out"),
    N_("Qualified"), N_("leads that reached a qualifying stage"),
    N_("% qualified"), N_("qualified ÷ leads"),
    N_("leads that became a sale"),
    N_("leads closed without a sale"),
    N_("leads neither won nor lost yet"),
    N_("Conversion"), N_("won ÷ leads"),
    N_("New customers"), N_("contacts who bought for the first time"),
    N_("Revenue"), N_("sum of won leads"),
    N_("Average sale"), N_("revenue ÷ won"),
    N_("Spend"), N_("what advertising cost"),
    N_("CPL"), N_("spend ÷ leads"),
    N_("CPQL"), N_("spend ÷ qualified leads"),
    N_("CAC"), N_("spend ÷ new customers"),
    N_("ROMI"), N_("(revenue − spend) ÷ spend"),
    N_("ROMI by margin"), N_("(revenue × margin − spend) ÷ spend"),
    N_("ROAS"), N_("revenue ÷ spend"),
    N_("Spend to revenue"), N_("spend ÷ revenue"),
    N_("Days to sale"), N_("mean of days from the lead to the sale"),
    N_("First response"), N_("mean time until a person answered a new lead"),
    N_("Full CAC"), N_("(spend + overheads) ÷ new customers"),
    N_("leads qualified in the period ÷ leads created in it: partly different leads"),
    N_("leads won in the period ÷ leads created in it: partly different leads"),
    N_("spend in the period ÷ leads qualified in it, whenever they were created"),
    N_("spend in the period ÷ new customers of it, whenever their leads were created"),
    N_("(revenue − spend) ÷ spend: sales of the period, whenever their leads were created, by its spend"),
    N_("(revenue × margin − spend) ÷ spend: sales of the period, whenever their leads were created, by its spend"),
    N_("revenue ÷ spend: sales of the period, whenever their leads were created, by its spend"),
    N_("spend ÷ revenue: spend of the period by its sales, whenever their leads were created"),
    N_("(spend + overheads) ÷ new customers of the period, whenever their leads were created"),
    N_("New leads"),
    N_("lead cards created in the period"),
    N_("leads that became a sale in the period"),
    N_("leads closed without a sale in the period"),
    N_("sum of leads won in the period"),
    N_("Win rate"),
    N_("won ÷ (won + lost), both closed in the period"),
    N_("Open leads"),
    N_("leads neither won nor lost by the end of the period"),
    N_("Value of open leads"),
    N_("sum of leads neither won nor lost by the end of the period, at the value they have now"),
    N_("Reached"),
    N_("leads created in the period that came into this stage or a later one; a skipped stage counts as passed"),
    N_("reached ÷ reached the stage before"),
    N_("% of leads"),
    N_("reached ÷ all leads created in the period"),
    N_("Here now"),
    N_("those of them that are open and in this stage"),
    N_("Lost from here"),
    N_("those of them that were lost, this being the last stage before"),
    N_("% lost from here"),
    N_("lost from here ÷ reached"),
    N_("Time in stage, median"),
    N_("half of the stays that ended were no longer"),
    N_("Time in stage, 90 %"),
    N_("nine in ten of the stays that ended were no longer"),
    N_("Assigned"),
    N_("conversations given to them, each as often as it was"),
    N_("Answered"),
    N_("times somebody who waited had an answer from them"),
    N_("First response, median"),
    N_("half of their first answers to an inquiry took no longer, in the team’s working time"),
    N_("First response, 90 %"),
    N_("nine in ten of their first answers to an inquiry took no longer, in the team’s working time"),
    N_("Messages"),
    N_("replies they wrote"),
    N_("Calls in"),
    N_("calls from customers that they answered"),
    N_("Calls out"),
    N_("calls that they made, answered or not"),
    N_("missed calls of customers who are theirs"),
    N_("Talk time"),
    N_("sum of their talks by telephone"),
    N_("Tasks done"),
    N_("tasks they finished"),
    N_("Tasks late"),
    N_("tasks that were due in the period and were finished after that, or are not yet"),
    N_("Offers"),
    N_("leads of theirs that came into an offer stage for the first time"),
    N_("lead cards created in the period that are theirs"),
    N_("leads of theirs that became a sale in the period"),
    N_("Calls, % of plan"),
    N_("(calls in + calls out) ÷ (plan a day × working days of the period so far)"),
    N_("Offers, % of plan"),
    N_("offers ÷ (plan a day × working days of the period so far)"),
    N_("calls from customers"),
    N_("calls to customers, answered or not"),
    N_("calls from customers that no person answered"),
    N_("% missed"),
    N_("missed ÷ calls in"),
    N_("Not called back"),
    N_("missed calls of known customers with whom nobody has talked by telephone since"),
    N_("sum of all talks"),
    N_("Average talk"),
    N_("talk time ÷ answered calls"),
    N_("Average wait"),
    N_("mean time until a person answered a call in"),
    N_("% reached"),
    N_("answered calls out ÷ calls out"),
)  # fmt: skip
