"""The compiled programs of training and evaluation, and what they are made of."""
