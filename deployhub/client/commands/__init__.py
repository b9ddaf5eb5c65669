"""One module for a family of commands: `<command>_run`."""
