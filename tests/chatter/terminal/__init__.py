"""The full screen of chatter, in a terminal that the tests look at."""
