"""What teams built elsewhere comes in, and what is here goes out: archives of evals on disk."""
