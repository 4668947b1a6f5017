# Into a folder, not an environment: the image's Python may be another one than the builder's.
RUN pip install --no-compile --require-hashes --target {{ out }}/lib --requirement /deps/in/files/requirements.txt \
    && chmod -R u=rwX,go=rX {{ out }}/lib \
    && install -D -m 755 /deps/in/files/colcon {{ out }}/bin/colcon
