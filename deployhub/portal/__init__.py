"""What crosses the other floors: dashboard, search, audit page, system page, documentation, demo."""
