# One folder, called as the platform is: the program finds the others by their places in it.
RUN mkdir -p {{ out }} \
    && cp -r /deps/in/codex/*/. {{ out }}
