"""evald is hurt at random, and what it did meanwhile is held against what it promises."""
