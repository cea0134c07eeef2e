"""Speaks each channel's dialect, so that nobody else has to.

`connector.py` is the contract, `channels/` holds the channels (`ls` is the list), `registry.py` finds them.
`webhook.py` and `polling.py` are the two ways in that channels share; a channel that is its own platform (site chat)
or server (SMTP) brings its routes or its listener along. `outgoing.py` is the one HTTP client. `errors.py` says what
can go wrong.
"""
