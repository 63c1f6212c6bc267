// Orders of a shop: listed, shown, and extended by those who may.

// In place of a table in a database.
const ORDERS = new Set(["o-20261122-0017", "o-20261123-0042"]);

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const ROUTES = [
  ["GET", /^\/orders$/, listOrders],
  ["GET", /^\/orders\/(?<order>[^/]+)$/, showOrder],
  ["POST", /^\/orders\/(?<order>[^/]+)\/items$/, addItems],
  ["DELETE", /^\/orders\/(?<order>[^/]+)\/items\/(?<sku>[^/]+)$/, removeItem],
];

function listOrders(event) {
  requireScope(event, "orders:read");
  return respond(200, { orders: [...ORDERS] });
}

function showOrder(event, { order }) {
  requireScope(event, "orders:read");
  requireOrder(order);
  return respond(200, { order });
}

function addItems(event, { order }) {
  const claims = requireScope(event, "orders:write");
  requireOrder(order);
  const { items } = parse(event.body);
  if (!Array.isArray(items) || items.length === 0) {
    throw new Refusal(422, "`items` is missing");
  }
  let count = 0;
  let total = 0;
  const lines = items.map((item) => {
    const price = item.count * item.price;
    count += item.count;
    total += price;
    return { count: item.count, sku: item.sku, total: price };
  });
  const { currency, notify } = event.queryStringParameters ?? {};
  const answer = { added_by: claims.sub, count, currency, lines, notify, order, total };
  return respond(201, answer, { location: `/orders/${order}/items` });
}

function removeItem(event, { order }) {
  requireScope(event, "orders:write");
  requireOrder(order);
  return respond(204, null);
}

function parse(body) {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new Refusal(400, error.message);
  }
}

function requireScope(event, scope) {
  const { claims } = event.requestContext.authorizer.jwt;
  if (!claims.scope.split(" ").includes(scope)) {
    throw new Refusal(403, `the scope ${scope} is needed`);
  }
  return claims;
}

function requireOrder(order) {
  if (!ORDERS.has(order)) {
    throw new Refusal(404, `there is no order ${order}`);
  }
}

function respond(statusCode, value, headers = {}) {
  return {
    body: JSON.stringify(value),
    cookies: [],
    headers: { "content-type": "application/json", ...headers },
    isBase64Encoded: false,
    statusCode,
  };
}

function route(event) {
  const { method } = event.requestContext.http;
  for (const [verb, pattern, answer] of ROUTES) {
    const match = verb === method && pattern.exec(event.rawPath);
    if (match) {
      return answer(event, match.groups);
    }
  }
  throw new Refusal(404, `there is no ${event.rawPath}`);
}

export const handler = async (event) => {
  try {
    return route(event);
  } catch (error) {
    if (error instanceof Refusal) {
      return respond(error.status, { error: error.message });
    }
    throw error;
  }
};
