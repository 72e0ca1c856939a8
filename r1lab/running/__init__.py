"""A run from its first file to its last; experiments bring what differs."""
