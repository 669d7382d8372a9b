"""Linkerd's EgressNetwork, and the routes of the Gateway API that are bound to one."""
