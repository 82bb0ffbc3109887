"""One file for each experiment; `lab.catalogue` has their order."""
