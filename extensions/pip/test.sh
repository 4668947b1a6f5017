python3 -m pip --version
python3 -m pip check
{% for package in options.packages %}
package={{ package | quote }}
python3 -m pip show "${package%%[]=<>~![]*}"
{% endfor %}
