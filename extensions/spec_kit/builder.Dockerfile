# hatchling writes below the source.
RUN cp -r /deps/in/src /tmp/src \
    && PYTHONPATH={{ out }}/build pip install --no-compile --no-deps --no-index --no-build-isolation \
        --target {{ out }}/lib /tmp/src \
    && rm -r {{ out }}/lib/bin \
    && chmod -R u=rwX,go=rX {{ out }}/lib \
    && install -D -m 755 -t {{ out }}/bin /deps/in/files/specify
