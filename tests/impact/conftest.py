"""The recorder is no test: it is loaded by the runs that the oracle starts."""

collect_ignore = ["recorder.py"]
