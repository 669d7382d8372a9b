"""The redirect that brings a workload's traffic to the gate, and refuses what cannot be brought.

`options` is what is asked for, `rules` turns it into rules without touching anything, `backend` runs the programs,
`installation` puts rules in and out, `verify` proves that they bite. Linux only; needs root.
"""
