"""Benchmarks: ``python -m benchmarks.throughput`` and ``python -m benchmarks.cancel``.

Both start a scripted model server and evald as processes of their own on this machine.
"""
