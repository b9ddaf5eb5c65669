"""Who may do what: permissions, roles, membership, and the one policy behind both doors."""
