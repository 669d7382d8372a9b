"""Names for workloads: a resolver that knows what the policy registers, and nothing else."""
