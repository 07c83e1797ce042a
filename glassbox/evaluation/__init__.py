"""What predictions are worth: discrimination, calibration, each figure with its interval."""
