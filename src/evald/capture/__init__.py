"""Traffic to the models that passes through, and what is kept of it."""
