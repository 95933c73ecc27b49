"""From a problem to its fix."""
