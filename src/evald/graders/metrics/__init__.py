"""Metrics of `text_similarity`: pure functions from two texts to a score from 0 to 1."""
