"""Live messages: looked at before they go on, and changed, blocked or refused."""
