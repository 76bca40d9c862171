"""The command line: thin, for people and scripts."""
