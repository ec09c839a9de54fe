"""Looking at data: what a source has in words and figures, and what the network is given in pictures and tables."""
