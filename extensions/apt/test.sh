{% for package in options.packages %}
dpkg-query --show {{ package | quote }}
{% endfor %}
