"""The benchmarks: the performance goals, measured as ratios within one run on one machine."""
