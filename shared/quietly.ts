/** The result of `read`, or null when it throws: the failure is reported elsewhere. */
export function quietly<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch {
    return null;
  }
}
