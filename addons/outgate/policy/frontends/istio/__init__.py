"""Istio: one module a kind, and `frontend.py` that puts them together."""
