"""The commands of `outgate`, one file each. `main` gathers them; nothing else imports this package."""
