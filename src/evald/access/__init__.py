"""Who asks: keys of programs, sessions of people, and the project of either."""
