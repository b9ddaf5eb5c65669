#!/bin/sh
# Write the secrets that docker-compose.yml mounts, once: what exists stays as it is.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }
write() { [ -s "secrets/$1" ] || printf '%s\n' "$2" > "secrets/$1"; }

write secret_key "$(random)$(random)"
# An Ed25519 key in PKCS 8: a head that is always the same, and 32 random bytes.
write audit_key "-----BEGIN PRIVATE KEY-----
$({ printf '\060\056\002\001\000\060\005\006\003\053\145\160\004\042\004\040'; head -c 32 /dev/urandom; } | base64)
-----END PRIVATE KEY-----"
write postgres_password "$(random)"
write database_url "postgres://deployhub:$(cat secrets/postgres_password)@postgres:5432/deployhub"
if [ ! -s secrets/redis_url ] || [ ! -s secrets/valkey_acl ]; then
  password="$(random)"
  printf '%s\n' "redis://deployhub:$password@valkey:6379/0" > secrets/redis_url
  printf '%s\n%s\n' "user default off" "user deployhub on >$password ~* &* +@all -@dangerous +info +keys +config|get" > secrets/valkey_acl
fi
# The folder is closed (0700); the files inside are mounted one by one into containers that run as other users.
chmod 444 secrets/*
echo "Secrets stand in $(pwd)/secrets. Keep a copy in a safe place; never commit them."
