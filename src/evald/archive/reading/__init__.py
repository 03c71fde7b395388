"""Archives of any shape, read in pieces: nothing is unpacked, and nothing in them is trusted."""
