"""Connections to the outside: resolve, check the address, dial, prove who is there, keep what can be used again.

Owns everything between a `Decision` and a byte stream: `target` says where, `connect` goes there, `pool` keeps. Knows
no HTTP beyond CONNECT, no flows and no policy documents. Nothing is dialled, and no certificate leaves, before the
policy's own name and permit say so.
"""
