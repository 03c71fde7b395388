"""The pages that a person reads: a run's report, an eval's runs, the list of evals."""
