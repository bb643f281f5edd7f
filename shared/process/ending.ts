/**
 * Waits for a step of a start, unless the process is to end: then it is left to itself, and what it had taken is for
 * whoever rolls the start back.
 * @param ending aborted when the process is to end; none = the step is waited for
 * @throws the reason of `ending`, at once when that is or becomes aborted; what `step` throws
 */
export async function unlessEnding<T>(ending: AbortSignal | undefined, step: Promise<T> | undefined): Promise<void> {
  if (ending === undefined) return void (await step);
  let leave: () => void = () => undefined;
  const left = new Promise<never>((_resolve, reject) => {
    leave = () => reject(ending.reason as Error);
  });
  if (ending.aborted) leave();
  else ending.addEventListener('abort', leave, { once: true });
  try {
    await Promise.race([step, left]);
  } finally {
    ending.removeEventListener('abort', leave);
  }
}
