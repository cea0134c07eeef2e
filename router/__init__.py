"""Decides what an event means. Imports nothing of ours but itself, does no I/O.

A batch of events arrives as bytes (`wire`) in the words of `message`. `storage.world` loads what they may touch into a
`world.World`; `intake.receive` then tells the whole story of one event after the other:

    is it new?            the database has said so (`inbound_event`)
    whose is it?          identity     proved keys decide, two proved ones merge, claimed ones suggest
    where does it belong? conversations, with its place, its preview and who waits for whom
    what source?          attribution  a touch from the raw keys
    is it a lead?         leads        one open lead per contact
    who answers?          assignment   returning customer, the team, or the queue; out_of_hours says when somebody will
    what became of ours?  receipts     delivery states, edits, deletions, reactions

and writes down `facts` for whoever reacts. What colleagues do (answer, assign, merge…) goes through the same records:
`replies`, `deciding`. Everything is synchronous and a function of its arguments, so that tests can try a million orders.
"""
