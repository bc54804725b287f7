#!/bin/sh
# Runs edx-import, whatever its arguments (sync, cmd NAME, status, ...): the entry point of the image, and a short cut in a clone.
# It becomes edx-import (exec), so that a signal to it reaches edx-import itself.
set -eu

beside=$(dirname "$0")/.venv/bin/edx-import
if [ -x "$beside" ]; then
  program=$beside
elif command -v edx-import >/dev/null; then
  program=edx-import
else
  echo "edx-import is not installed: run \`make setup\` in the clone first." >&2
  exit 3
fi

# The first process of a container has to reap what others leave behind (gpg's agent, the local MongoDB) and gets no default action of
# signals; tini is made for that.
if [ "$$" -eq 1 ] && command -v tini >/dev/null; then
  exec tini -- "$program" "$@"
fi
exec "$program" "$@"
