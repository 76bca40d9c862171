"""The tables as verbs, written once over `Database`; what differs between databases is SQL text."""
