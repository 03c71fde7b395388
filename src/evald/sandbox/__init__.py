"""Work that must not run inside the process that serves requests."""
