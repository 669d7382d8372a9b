"""Keys and tokens that tell by their form who gave them out, from what the vendors say of them in public."""
