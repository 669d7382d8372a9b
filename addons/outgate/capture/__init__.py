"""Exchanges that are kept: written down, read back, exported, and found again for a test run. No mitmproxy here."""
