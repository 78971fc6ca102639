{% macro cents(column) %}ROUND({{ column }} * 100) / 100{% endmacro %}
