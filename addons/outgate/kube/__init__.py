"""What Kubernetes' API server is asked by what runs in a pod once and ends."""
