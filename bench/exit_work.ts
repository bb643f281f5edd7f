const works = new Set<() => void>();

function runAll(): void {
  for (const work of [...works].reverse()) {
    try {
      work();
    } catch {
      // A failure must not prevent the remaining work.
    }
  }
}

/**
 * Runs `work` when this process exits, last registered first, so that processes end before the folders they write to
 * are removed.
 * @returns a function that cancels it
 */
export function atExit(work: () => void): () => void {
  if (works.size === 0) process.on('exit', runAll);
  works.add(work);
  return () => {
    works.delete(work);
    if (works.size === 0) process.off('exit', runAll);
  };
}
