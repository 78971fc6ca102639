SELECT {{ ref('orders') }} FROM
