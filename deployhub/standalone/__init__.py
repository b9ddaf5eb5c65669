"""Everything on one machine: the supervisor behind `make run`. Plain Python, no Django in its process."""
