"""Who carries out which chunk of a run, and when."""
