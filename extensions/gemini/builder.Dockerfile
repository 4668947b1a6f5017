# The layout that npm makes.
RUN modules={{ out }}/lib/node_modules \
    && case "$(uname -m)" in aarch64) arch=arm64 ;; *) arch=x64 ;; esac \
    && mkdir -p {{ out }}/bin $modules/@google $modules/@lydell \
    && cp -r /deps/in/gemini $modules/@google/gemini-cli \
    && cp -r /deps/in/pty $modules/@lydell/node-pty \
    && cp -r /deps/in/pty_native $modules/@lydell/node-pty-linux-$arch \
    && ln -s ../lib/node_modules/@google/gemini-cli/bundle/gemini.js {{ out }}/bin/gemini
