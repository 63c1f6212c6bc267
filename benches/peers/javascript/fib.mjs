export const handler = async (event) => ({ value: fib(event.n) });

function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
