RUN mkdir -p {{ out }}/locale \
    && localedef --no-archive --inputfile={{ options.language }} --charmap={{ options.charset }} \
        {{ out }}/locale/{{ options.language }}.{{ options.charset }}
