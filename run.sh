#!/bin/sh
# Runs edx-import, whatever its arguments (sync, cmd NAME, status, ...): the entry point of the image, and a short cut in a clone.
# `bash` or `sh` as the first gives a shell instead, to work in.
# It becomes what it runs (exec), so that a signal to it reaches edx-import itself.
set -eu

case ${1:-} in
  sh | bash | /bin/sh | /bin/bash) ;;
  *)
    beside=$(dirname "$0")/.venv/bin/edx-import
    if [ -x "$beside" ]; then
      set -- "$beside" "$@"
    elif command -v edx-import >/dev/null; then
      set -- edx-import "$@"
    else
      echo "edx-import is not installed: run \`make setup\` in the clone first." >&2
      exit 3
    fi
    ;;
esac

# The first process of a container has to reap what others leave behind (gpg's agent, the local MongoDB) and gets no default action of
# signals; tini is made for that.
if [ "$$" -eq 1 ] && command -v tini >/dev/null; then
  exec tini -- "$@"
fi
exec "$@"
