"""Those who watch runs while they go on: one look for all of them, told as events."""
