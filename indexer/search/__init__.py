"""From a question to ranked problems."""
