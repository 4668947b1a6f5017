RUN install -D -m 755 -t {{ out }}/bin /deps/in/uv/uv /deps/in/uv/uvx
