# The installer has all packages in it. It keeps them in a cache, too, which nobody but root could use in the image.
RUN bash /deps/in/installer/Miniforge3-*.sh -b -p {{ out }} \
    && rm -rf {{ out }}/pkgs \
    && chmod -R u=rwX,go=rX {{ out }}
