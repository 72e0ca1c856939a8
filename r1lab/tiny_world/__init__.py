"""The tiny bases: the text they read, their training, what they can do."""
