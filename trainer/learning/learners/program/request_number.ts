let requests = 0;

/** The number of the next request to a program; no two of this process are the same. */
export function nextRequest(): number {
  return ++requests;
}
