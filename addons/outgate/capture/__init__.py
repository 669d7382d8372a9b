"""Exchanges at rest: stored, exported, imported, and found again for a replay."""
