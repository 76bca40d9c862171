"""A definition checked, shown and tried before it is sent: `automation validate`, `preview`, `test-mail`."""
