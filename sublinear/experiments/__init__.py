"""Experiments: one description of a run, grids of runs, and what they show together."""
