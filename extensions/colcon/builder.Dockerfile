# Into a folder that works with every Python 3, whichever the image has: without compiled modules (PyYAML and tomli do
# without) and without programs (they would not find the folder).
RUN pip install --no-compile --no-deps --only-binary :all: --target {{ out }}/lib \
        --require-hashes --requirement /deps/in/files/requirements.txt \
    && find {{ out }}/lib -name '*.so' -delete \
    && rm -r {{ out }}/lib/bin \
    && chmod -R u=rwX,go=rX {{ out }}/lib \
    && install -D -m 755 -t {{ out }}/bin /deps/in/files/colcon \
    && mkdir {{ out }}/shared \
    && ln -s ../lib/colcon_core {{ out }}/shared/colcon_core
