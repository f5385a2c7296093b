"""How long does an audit take, phase by phase, and how does that grow with the project?

`python -m benchmarks --help` says how to measure; the results of the last time stand in docs/speed.md. None of this is
a test: how long something takes depends on the machine and on what else it does.
"""
