"""mailer's own tables: a small `Database` port, its drivers, named SQL and migrations."""
