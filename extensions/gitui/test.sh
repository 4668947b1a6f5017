gitui --version | grep -F 'gitui {{ options.version }}'
