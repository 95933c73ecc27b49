"""From problems to segments on disk and back."""
