"""Ways for a mail to leave: SES, or .eml files in the outbox."""
