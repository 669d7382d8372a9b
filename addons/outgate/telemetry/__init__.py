"""What the gate tells about its traffic, from records that hold nothing a workload may not show."""
