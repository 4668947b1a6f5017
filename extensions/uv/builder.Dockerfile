# The wheel holds two static programs; its Python part stays behind.
RUN pip install --no-compile --no-deps --only-binary :all: --target /tmp/uv uv=={{ options.version }} \
    && install -D -m 755 -t {{ out }}/bin /tmp/uv/bin/uv /tmp/uv/bin/uvx
