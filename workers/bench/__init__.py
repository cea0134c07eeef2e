"""Measurements, as ratios against floors of the same run: machines differ and are shared, ratios less so.

A floor is the least work that could do the job: the same bytes over the same queue or socket, without what Allo adds.
Rounds of floor and product are interleaved, so that both see the same machine. `stage` prepares what they stand on,
`people` makes the customers.
"""
