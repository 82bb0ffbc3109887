"""The page in a browser: Debian's Chromium, led by Playwright."""
