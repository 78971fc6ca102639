SELECT c.city, {% for name in ['total'] %}SUM(o.{{ name }}) AS {{ name }}{% endfor %}
FROM {{ ref('stg_orders') }} o
JOIN {{ source('raw', 'customers') }} c ON c.id = o.customer_id
GROUP BY c.city
