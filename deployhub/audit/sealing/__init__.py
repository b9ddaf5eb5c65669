"""What a row of the log is sealed with: its canonical form, its digests, its code, and the keys outside the database."""
