"""`dlkit init`: a configuration for data that nobody has described yet, each choice with its reason as a comment."""
