"""The language model of the local stack: llama.cpp's own HTTP server over one GGUF file, on 127.0.0.1.

    python3 language_server.py --model FILE.gguf --name NAME --port N

Serves /v1/chat/completions, /v1/completions, /v1/embeddings and /health until SIGTERM.
"""

import argparse
import os
import signal

import xllamacpp


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", required=True, type=int)
    arguments = parser.parse_args()

    parameters = xllamacpp.CommonParams()
    parameters.model.path = arguments.model
    parameters.model_alias = {arguments.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = arguments.port
    parameters.n_ctx = 4096
    parameters.n_parallel = 2
    # llama.cpp spins at barriers: two threads on two busy cores are two to three times slower than one.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.embedding = True
    parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN

    # Before the server starts its threads, so that none of them takes the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(parameters)
    print(f"listening on {server.listening_address}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # Nothing to save, and tearing down the native threads takes time.
    os._exit(0)


main()
