"""NUMA: cells of hosts (`cells.py`), what a guest asks of them (`guest.py`), where it fits (`fit.py`).

Pure: a host's cells in, the cells that a guest would get out. Meanings are Nova's.
"""
