"""Every parser of the gate's as a fuzz target: `every.py` holds them, `make fuzz` runs them."""
