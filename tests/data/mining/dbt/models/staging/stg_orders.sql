{{ config(materialized='view') }}

SELECT id AS order_id, customer_id, {{ cents('total') }} AS total, placed_on
FROM {{ source('raw', 'orders') }}
WHERE total >= {{ var('least_total') }}
{% if is_incremental() %}
  AND placed_on > (SELECT MAX(placed_on) FROM {{ this }})
{% endif %}
