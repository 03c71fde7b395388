"""The open-source registry of openai/evals, read where it lies, and its evals turned into ours."""
