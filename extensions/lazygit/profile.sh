alias lg=lazygit
