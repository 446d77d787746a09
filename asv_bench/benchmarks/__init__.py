"""Benchmarks of sublinear, for airspeed velocity.

The headline is what ``track_*`` returns: counted work, the same on every machine, thread count and instruction set, so
that any change of it is a change of the code. ``time_*`` stands beside it.
"""
