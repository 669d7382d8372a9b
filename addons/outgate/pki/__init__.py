"""outgate's own certificates: the authority, the leafs it mints on the connection path, what is mounted, trust bundles.

Knows nothing of policy, of mitmproxy or of sockets. This file imports nothing, so that whoever needs one module of the
package does not pay for `cryptography` before it must.
"""
