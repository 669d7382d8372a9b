"""Random faults under load, judged by a table that shares no code with the gate."""
