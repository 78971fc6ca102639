CREATE TABLE hive.shop.orders (
  id bigint NOT NULL,
  total decimal(10,2),
  name varchar(20) COMMENT 'display name',
  placed timestamp(6) with time zone,
  line row(sku varchar, quantity integer),
  tags array(varchar),
  counts map(varchar, bigint),
  address ipaddress,
  ds varchar
)
COMMENT 'orders'
WITH (format = 'ORC', partitioned_by = ARRAY['ds']);
