"""The browser's page: its files as they are served, and links drawn as QR codes."""
