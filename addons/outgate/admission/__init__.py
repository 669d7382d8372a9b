"""The webhook that a cluster asks about every pod: reviews in, patches out, over TLS."""
