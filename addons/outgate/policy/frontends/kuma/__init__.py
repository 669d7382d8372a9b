"""Kuma's documents."""
