/** What `read` gives; null where it fails: the failure is told elsewhere. */
export function quietly<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch {
    return null;
  }
}
