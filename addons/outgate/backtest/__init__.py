"""What was kept, tried again offline: the verdicts and the bodies that another policy or redaction would change."""
