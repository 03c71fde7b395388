"""Benchmarks: ``python -m benchmarks.throughput`` and ``python -m benchmarks.cancel``.

Both start a scripted model server and evald as processes of their own on this machine.
``python -m benchmarks.export`` starts evald alone, on a run of a million items.
"""
