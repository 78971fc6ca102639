SELECT 1 AS a
{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}
