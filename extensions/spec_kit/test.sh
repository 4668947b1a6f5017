specify --version
specify init --help
