"""A laboratory for tests on real traffic: namespaces, origins, certificates, counters and a gate.

Imports nothing, so that `python -m lab.upstreams` starts with what it needs.
"""
