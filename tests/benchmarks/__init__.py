"""Fixdex and what one would take instead, measured side by side on the same posts and questions."""
