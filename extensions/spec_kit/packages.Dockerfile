# Into folders that work with every Python from 3.11 on: without compiled modules (PyYAML does without).
RUN pip install --no-compile --no-deps --only-binary :all: --target {{ out }}/lib \
        --require-hashes --requirement /deps/in/files/requirements.txt \
    && pip install --no-compile --no-deps --only-binary :all: --target {{ out }}/build \
        --require-hashes --requirement /deps/in/files/build-requirements.txt \
    && find {{ out }}/lib -name '*.so' -delete \
    && rm -r {{ out }}/lib/bin
