"""A capture served to a test run: recorded answers over real sockets, and never a byte to anywhere else."""
