"""What the rooms do together: commit, sessions, replay. Knows no protocol."""
