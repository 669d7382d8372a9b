"""The sidecar in other people's manifests: what goes in, what comes out again, and who is refused. Pure."""
