"""How fast, beside the usual way."""
