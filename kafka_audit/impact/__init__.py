"""Which producers come alive in which tests: the run of each test file, gone through without running it."""
