claude --version | grep -F '{{ options.version }} '
