export const handler = async (event) => {
  let value = 1;
  let odd = 0;
  for (let i = 0; i < event.count; i++) {
    value = (value * 31 + i) % 1000003;
    if (value % 2 === 1) {
      odd++;
    }
  }
  return { odd, value };
};
