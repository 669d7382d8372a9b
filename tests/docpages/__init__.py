"""What holds the documentation to the code: its pages as data, names, generated tables, and its commands, run."""
