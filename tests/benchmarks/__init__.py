"""Speed, measured against peers and against the machine in one run, so that only ratios matter."""
