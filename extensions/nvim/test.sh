nvim --version
nvim --headless +quit
