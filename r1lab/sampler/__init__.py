"""Sample completions: the fast way, and transformers' own."""
