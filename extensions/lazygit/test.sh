lazygit --version | grep -F ' version={{ options.version }},'
