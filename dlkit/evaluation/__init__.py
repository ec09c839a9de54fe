"""What a trained model is worth, and what it says: evaluation on a split, prediction for new inputs."""
