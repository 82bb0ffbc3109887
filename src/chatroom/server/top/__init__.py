"""What a running server does, on a screen of the terminal: `chatserver top`."""
