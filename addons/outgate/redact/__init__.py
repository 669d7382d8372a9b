"""Takes what nobody else may see out of a message. Pure: no clock, no file, no socket."""
