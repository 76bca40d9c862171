"""Measurements of mailer beside what it is compared with: `make bench`."""
