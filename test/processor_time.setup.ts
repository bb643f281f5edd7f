import { readFileSync } from 'node:fs';
import { afterAll } from 'vitest';

/** Ticks a second in /proc, on every Linux that Node runs on. */
const TICKS = 100;

declare module '@vitest/runner' {
  interface TaskMeta {
    /** Of a test file: seconds of processor time of its process and of those that have ended below it. */
    processorSeconds?: number;
  }
}

/** Of this process and, on Linux, of its ended children and theirs. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childSeconds();
}

function childSeconds(): number {
  if (process.platform !== 'linux') return 0;
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // The second field is the program's name in parentheses, which may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

// A file that shares its process begins where the one before has ended; the first has the start of the process too.
const shared = globalThis as { processorSecondsOfFilesBefore?: number };
const before = shared.processorSecondsOfFilesBefore ?? 0;

// Hooks run in reverse order: all that the file itself has registered, which end what it has started, come before.
// vitest reads the names of the first parameter.
// oxlint-disable-next-line no-empty-pattern
afterAll(({}, { file }) => {
  const now = processorSeconds();
  shared.processorSecondsOfFilesBefore = now;
  file.meta.processorSeconds = now - before;
});
