"""From ranked problems to what a person sees."""
