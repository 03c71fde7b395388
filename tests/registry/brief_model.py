"""The local model as `tests.demo.brief_model` has it, with room for the prompts of the registry.

python -m tests.registry.brief_model
"""

from tests.demo.brief_model import main

if __name__ == "__main__":
    main(context=1024)
