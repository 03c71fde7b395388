"""Archives sent to a server: what is in them, what is missing, and what became of each."""
