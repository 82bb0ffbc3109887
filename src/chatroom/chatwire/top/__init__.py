"""`chatwire top`: the streams of a live tap as a table that is drawn again and again.

`table` counts, and knows neither a clock nor a terminal. `screen` draws what it says.
"""
