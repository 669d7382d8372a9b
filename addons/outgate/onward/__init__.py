"""Misses of a replay, sent on to their origins through a gate and recorded: the only way out of a replay."""
