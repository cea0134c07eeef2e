"""Reading a mailbox: over one held connection, without changing anything in it.

watching ─▶ connecting ─▶ mailbox        the loop; a thread of the connection's own; the blocking calls to the library
    ├──────────────────── cursor         how far the box has been read
    └──────────────────── suspicion      which mail kills the connection
"""
