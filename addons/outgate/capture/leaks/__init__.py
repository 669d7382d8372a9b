"""A second look at what is written for others, with other eyes than those that redacted it."""
