"""Policy from a Kubernetes cluster: its documents are listed, watched, and given out as whole sets.

Knows the API and which kinds carry policy. What the documents mean is `policy`'s, and when a set is compiled is
`reload`'s; nothing here knows of traffic.
"""
