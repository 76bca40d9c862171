"""The customer's data sources: stream target rows, map a row, update a row."""
