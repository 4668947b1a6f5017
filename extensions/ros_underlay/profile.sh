if [ -n "${BASH_VERSION:-}" ]; then
    . {{ out }}/setup.bash
else
    . {{ out }}/setup.sh
fi
