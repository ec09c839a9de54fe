"""What simple models reach on the same data, fitted by scikit-learn in seconds, to compare networks with."""
