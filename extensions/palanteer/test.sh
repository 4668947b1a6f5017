palanteer --version
