"""The documents as a site, in HTML: `python -m tools.site`, or `make site`."""
