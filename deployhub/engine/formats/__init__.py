"""One export format, one file. The catalogue finds them all; see `deployhub.engine.plugin`."""
