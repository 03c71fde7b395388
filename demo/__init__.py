"""The program of `make demo`: a small real model, evald, and an eval through the official SDK."""
