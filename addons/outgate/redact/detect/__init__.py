"""Finds secrets and personal data by what they look like."""
