"""Graders: one file per type, one interface."""
