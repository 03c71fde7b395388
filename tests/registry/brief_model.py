"""The local model as `tests.demo.brief_model` has it, with room for the prompts of the registry.

python -m tests.registry.brief_model
"""

from demo.local_model import SLOTS, engine_params, serve
from tests.demo.brief_model import CHAT_TEMPLATE, LONGEST_ANSWER

CONTEXT = 1024
"""Tokens of a call, prompt and answer."""


def main() -> None:
    """Serve until a stop signal comes."""
    params = engine_params(port=0)
    params.chat_template = CHAT_TEMPLATE
    params.n_ctx = SLOTS * CONTEXT
    params.n_predict = LONGEST_ANSWER
    params.verbosity = -1
    serve(params)


if __name__ == "__main__":
    main()
