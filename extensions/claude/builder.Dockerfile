RUN install -D -m 755 -t {{ out }}/bin /deps/in/claude/claude
