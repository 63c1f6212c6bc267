export const handler = async (event) => {
  const { count } = event;
  const stock = new Map();
  const order = [];
  for (let i = 0; i < count; i++) {
    const sku = `sku-${(i * 7919) % 1009}`;
    stock.set(sku, (stock.get(sku) ?? 0) + 1);
    order.push(sku);
  }
  let top = 0;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const amount = stock.get(order[(i * 31) % count]);
    total += amount;
    if (amount > top) {
      top = amount;
    }
  }
  return { keys: stock.size, top, total };
};
