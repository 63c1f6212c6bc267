// Messages that fail come again, the others do not.

export const handler = async (event) => {
  const batchItemFailures = [];
  for (const record of event.Records) {
    try {
      bill(JSON.parse(record.body));
    } catch (error) {
      console.error(record.messageId, error);
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
};

function bill(order) {
  const total = order.items.reduce((sum, item) => sum + item.count * item.price, 0);
  if (total !== order.total) {
    throw new Error(`${order.id} comes to ${total}`);
  }
}
