RUN pip install --no-compile --no-deps --only-binary :all: --target /opt/deps/colcon/lib \
        --require-hashes --requirement /deps/in/files/requirements.txt \
    && mkdir /opt/deps/colcon/shared \
    && ln -s ../lib/colcon_core /opt/deps/colcon/shared/colcon_core \
    && install -m 755 -t /usr/local/bin /deps/in/files/colcon
