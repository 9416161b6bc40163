"""The benchmarks: what design.md section 9 promises, measured as ratios within one run on one machine."""
