"""What machine this is, and what is set for it."""
