"""Pictures of what passed: who sent what when, on which stream.

`picture.Drawing` takes frames and gives a `Picture`: rows, one a frame, and lanes, one a
stream. `svg`, `mermaid` and `html` write it down; `labels` has the words of a row.
"""
