"""The simulator: a whole cloud in one process under a seed, with everything that can go wrong going wrong.

The rooms are the real ones, with real tables and a real outbox; only what they stand on is played: time (`loop.py`),
processes and messages (`processes.py`, `wire.py`), the disk (`disk.py`), the machines' hypervisors (`machines.py`) and
the watchdogs beside them (`watchdogs.py`).
`cloud.py` puts them together as the actors' shells do, `users.py` and `trouble.py` act on it, `invariants.py` judges,
`run.py` plays one seed from beginning to end, with `rebuilds.py`, `resizes.py`, `shelves.py` and `migrations.py`
also of servers that are rebuilt on their volumes, are resized, shelved, or go to other hosts, and with `days.py` of
servers to which all of that happens, and whatever else users and operators do. What the plays of one thing find, a day
finds as well; they find it sooner, and say what it is about.
The same seed plays the same story, line by line.
"""
