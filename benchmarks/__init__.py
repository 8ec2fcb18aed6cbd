"""Speed, measured as ratios within one run; figures and machines are in README.md."""
