"""outgate's own kinds: one module a kind, and `frontend.py` that puts them together."""
