/** The shutdown step in progress; null = none. `minutehand stop` and the output of a slow shutdown name it. */
let current: string | null = null;

/**
 * Runs one step of the end of this process. Steps follow one another; an inner step hides the outer one while it lasts.
 * @param name what is waited for, as it follows "waits for": "the API's connections"
 * @throws what `work` throws
 */
export async function endStep(name: string, work: () => Promise<unknown> | void): Promise<void> {
  const outer = current;
  current = name;
  try {
    await work();
  } finally {
    current = outer;
  }
}

/** null: no step is in work. */
export const stepInWork = (): string | null => current;

/** Pause between two reports of an end that takes long, and time before the first, in ms. */
const REPORT_MS = 5000;

/**
 * Ends something, and reports what it waits for as long as that lasts. The reports do not keep the process running.
 * @throws what `end` throws
 */
export async function reportSlowEnd(
  print: (line: string) => void,
  end: () => Promise<void>,
  everyMs = REPORT_MS,
): Promise<void> {
  const began = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    print(`Still ends after ${seconds} s: waits for ${stepInWork() ?? openResources()}.`);
  }, everyMs);
  timer.unref();
  try {
    await end();
  } finally {
    clearInterval(timer);
  }
}

/** What keeps an event loop without work running, as Node names it: "MessagePort, 2 PipeWrap". */
export function openResources(): string {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const named = [...counts].map(([name, count]) => (count === 1 ? name : `${count} ${name}`));
  return named.length === 0 ? 'nothing that Node knows' : named.join(', ');
}
