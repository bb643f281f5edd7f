/**
 * What is held, once this work with it is done; where the work fails, it is released.
 * @throws what the work throws
 */
export async function orRelease<Held extends { release(): Promise<void> }>(
  held: Held,
  work: (held: Held) => unknown,
): Promise<Held> {
  try {
    await work(held);
    return held;
  } catch (error) {
    await held.release();
    throw error;
  }
}
