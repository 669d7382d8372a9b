"""The data plane, and the only package that imports mitmproxy: sockets in, decisions asked for, bytes out."""
