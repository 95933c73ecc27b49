"""From a file to a post and its problems."""
