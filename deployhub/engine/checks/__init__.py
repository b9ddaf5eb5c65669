"""One check, one file: what a certificate measures. Found as formats are; see `deployhub.engine.checking`."""
