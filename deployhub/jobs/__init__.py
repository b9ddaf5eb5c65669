"""Long work: the database row is the job, a broker message only wakes a worker."""
