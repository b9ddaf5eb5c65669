"""What the team has: projects, models, versions, artifacts, datasets, and the files behind them."""
