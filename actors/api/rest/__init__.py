"""The REST edge: translates between OpenStack's HTTP interfaces and the rooms, and decides nothing that a room owns.

`app.py` puts the services together, each a package beside it; `serve.py` listens. It imports no Ray, so the tests drive
it in process over the rooms themselves.
"""
