# A virtual environment made by hand, which works with whatever Python 3 the image has: colcon starts itself again by
# sys.executable, and what it builds must see the system's packages first of all (so no PYTHONPATH).
RUN pip install --no-compile --require-hashes --target {{ out }}/lib/python3/site-packages \
        --requirement /deps/in/files/requirements.txt \
    && for minor in 10 11 12 13 14; do ln -s python3 {{ out }}/lib/python3.$minor; done \
    && install -D -m 644 -t {{ out }} /deps/in/files/pyvenv.cfg \
    && install -D -m 755 -t {{ out }}/bin /deps/in/files/colcon \
    && ln -s /usr/bin/python3 {{ out }}/bin/python3 \
    && chmod -R u=rwX,go=rX {{ out }}/lib
