# The wheel holds two programs that need glibc alone; its Python part stays behind.
RUN pip install --no-compile --no-deps --only-binary :all: --target /tmp/uv \
{% if options.version == "0.13.8" %}
        --require-hashes --requirement /deps/in/files/requirements.txt \
{% else %}
        uv=={{ options.version }} \
{% endif %}
    && install -D -m 755 -t {{ out }}/bin /tmp/uv/bin/uv /tmp/uv/bin/uvx
