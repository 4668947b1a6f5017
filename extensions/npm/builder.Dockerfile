# The layout of Node.js's own archives: npm below lib/node_modules, its programs as links beside node.
RUN install -D -m 755 -t {{ out }}/bin /deps/in/node/bin/node \
    && mkdir -p {{ out }}/lib/node_modules \
    && cp -r /deps/in/npm {{ out }}/lib/node_modules/npm \
    && ln -s ../lib/node_modules/npm/bin/npm-cli.js {{ out }}/bin/npm \
    && ln -s ../lib/node_modules/npm/bin/npx-cli.js {{ out }}/bin/npx
