const KINDS = ["assam", "sencha", "oolong", "darjeeling", "rooibos"];

export const handler = async (event) => {
  let text = "";
  for (let i = 0; i < event.count; i++) {
    text += `${i}: ${KINDS[i % 5]}, `;
  }
  const lines = text.split(", ");
  let found = 0;
  let upper = "";
  for (const line of lines) {
    if (line.includes("oo")) {
      found++;
      upper += `${line.toUpperCase()}\n`;
    }
  }
  return {
    found,
    last: upper.slice(-12),
    length: text.length,
    lines: lines.length,
    upper: upper.length,
  };
};
