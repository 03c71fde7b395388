"""evald: a self-hosted server for the OpenAI Evals API."""

__version__ = "0.1.0"
