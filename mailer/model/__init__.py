"""What things are: values, states and rules; no I/O, no clock, no randomness."""
