// Rows for a report: orders that were not cancelled, and what each country paid.

export const handler = async (event) => {
  const revenue = {};
  let total = 0;
  const orders = event.filter((order) => order.state !== "cancelled").map(row);
  for (const order of orders) {
    revenue[order.country] = (revenue[order.country] ?? 0) + order.total;
    total += order.total;
  }
  const sorted = Object.fromEntries(Object.entries(revenue).sort());
  return { orders, revenue: sorted, total };
};

function row(order) {
  return {
    country: order.customer.country,
    customer: order.customer.name,
    day: order.created.slice(0, 10),
    id: order.id,
    skus: order.items.map((item) => item.sku),
    total: order.items.reduce((sum, item) => sum + item.count * item.price, 0),
  };
}
