"""mailer sends automated bulk e-mail out of an Oracle database through AWS SES."""
