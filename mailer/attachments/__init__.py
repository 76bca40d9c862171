"""Attachment storage: files found by name in a folder tree or an S3 prefix."""
