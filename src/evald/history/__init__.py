"""History that comes from elsewhere: read line by line, and kept as it came."""
