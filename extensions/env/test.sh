# What the host passes on is the host's; what is set here is the same everywhere.
{% for variable in options.set %}
env | grep -qxF {{ variable | quote }}
{% endfor %}
