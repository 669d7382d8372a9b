"""Which endpoint: by health and priority, then locality, then the balancer's own rule."""
