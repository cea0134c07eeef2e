"""What reports read, and how it is kept: from what happened to sums that answer within the time of a page.

    lead, touch, inquiry, response …   what happened, as everything else in Allo writes it
      │  loading      of some contacts, in a handful of queries
      ▼
    deriving          plain Python: which touch earned which part of which lead (router.attribution_models)
      │  reckoning    in place of those contacts' rows before; what that changes is added to the sums
      ▼
    fact_credit, fact_stage ──▶ rollups: rollup_origin, rollup_owner, rollup_month, rollup_said…

The unit is the contact: whatever happens to one (a lead is won, a touch comes late, two become one, a merge is undone) all
its rows are made anew. So the result depends on what is true and not on the order in which it was told, telling it twice
changes nothing, and the sums equal a recount at any time.
"""
