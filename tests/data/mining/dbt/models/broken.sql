SELECT order_id
{% if broken %}
FROM {{ ref('stg_orders') }}
