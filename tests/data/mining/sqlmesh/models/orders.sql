MODEL (
  name shop.orders,
  kind SEED (path 'orders.csv'),
  columns (id INT, customer TEXT, total DECIMAL(10, 2), placed_on DATE),
  grain id
);
