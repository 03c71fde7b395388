"""The local model, told by example to say little, and cut off where it does not.

    python -m tests.demo.brief_model

Left alone, so small a model goes on listing the steps of a judgement until its context is full: 500
tokens and no verdict. The two examples in its chat template lead it to verdicts of 15 tokens. What it
is asked, and by which API, is not touched.
"""

from demo.local_model import SLOTS, engine_params, serve

CONTEXT = 256
"""Tokens of a call, prompt and answer. The engine knows multiples of 256."""
LONGEST_ANSWER = 16
"""Tokens of an answer for which no limit was asked."""
EXAMPLES = """<|im_start|>user
Judge.<|im_end|>
<|im_start|>assistant
{"steps":[],"result":1}<|im_end|>
<|im_start|>user
Choose.<|im_end|>
<|im_start|>assistant
{"steps":[],"result":"good"}<|im_end|>
"""
CHAT_TEMPLATE = (
    EXAMPLES + "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
"""The examples come first: what all calls have in common is read once."""


def main(context: int = CONTEXT) -> None:
    """Serve until a stop signal comes, with so many tokens for a call, prompt and answer."""
    params = engine_params(port=0)
    params.chat_template = CHAT_TEMPLATE
    params.n_ctx = SLOTS * context
    params.n_predict = LONGEST_ANSWER
    params.verbosity = -1
    serve(params)


if __name__ == "__main__":
    main()
