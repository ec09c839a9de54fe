"""What is found out before any time is spent: rules that reason on the real model and one real batch."""
