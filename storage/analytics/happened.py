"""New leads, won, lost and revenue, each on the day it happened: what the summary and managers count of leads.

By the model `last` a lead is one touch's alone, and so the sums of the source report count leads. They know where people
came from or who had them; for the one by the other the leads themselves are read, out of indexes that hold all that is
asked.
"""

from typing import Any, Final

from sqlalchemy import TextClause, text

from router.attribution_models import WHOLE
from storage.analytics.models import PLACES
from storage.analytics.wishes import Wish, narrowed

_OF_SUMS: Final = f"""
    select y.*, y.leads / {WHOLE} as n, y.event_won / {WHOLE} as won_n, y.event_lost / {WHOLE} as lost_n,
           y.event_revenue as won_worth
    from {{table}} y where y.model = {PLACES["last"]} and y.day between :first and :last
"""  # noqa: S608  # our own names
_OF_LEADS: Final = """
    select y.*, y.created_on as day, 1 as n, 0 as won_n, 0 as lost_n, 0 as won_worth
    from fact_lead y where y.created_on between :first and :last
    union all
    select y.*, y.closed_on, 0, (y.status = 'won')::int, (y.status = 'lost')::int,
           case when y.status = 'won' then y.worth else 0 end
    from fact_lead y where y.closed_on between :first and :last
"""


def happened(wish: Wish, key: str) -> tuple[TextClause, dict[str, Any]]:
    """By `key`, SQL over `x.day` or `x.manager_id`: leads, won, lost, revenue; with the statement's parameters."""
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    of_owners = "manager" in key or wish.is_of_owners or wish.pipeline is not None
    if wish.source and of_owners:
        rows = _OF_LEADS
    else:
        rows = _OF_SUMS.format(table="rollup_origin" if wish.source else "rollup_owner")
    statement = f"""
        select {key} as key, sum(x.n) as leads, sum(x.won_n) as won, sum(x.lost_n) as lost,
               coalesce(sum(x.won_worth), 0) as revenue
        from ({rows}) x where {narrowed(wish, values)} group by 1
    """  # noqa: S608  # our own names; values are parameters
    return text(statement), values
