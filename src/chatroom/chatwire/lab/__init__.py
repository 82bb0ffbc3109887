"""Experiments with bidirectional streams: scenes that run through the tap, and what they show.

`catalogue` lists them, `experiments/` has one file for each, `experiment` is their form.
`running` runs one, `story` finds the frames it speaks of, `terminal` and `pages` show it.
"""
