test "$SSH_AUTH_SOCK" = /tmp/.deps-ssh-agent
