CREATE TABLE orders (id INT PRIMARY KEY, customer VARCHAR(20), total DECIMAL(10, 2), placed_on DATE);
CREATE TABLE customers (name VARCHAR(20) NOT NULL, city TEXT);
