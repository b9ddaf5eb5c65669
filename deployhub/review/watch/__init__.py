"""What a rule looks at: events in time, what is usual for a person, and where a network is. No database."""
