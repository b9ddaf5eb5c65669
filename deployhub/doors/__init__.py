"""The doors: what pages and API views share, and how an error looks at each."""
