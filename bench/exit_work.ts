const works = new Set<() => void>();

function runAll(): void {
  for (const work of [...works].reverse()) {
    try {
      work();
    } catch {
      // One thing that cannot be tidied up does not keep the others.
    }
  }
}

/**
 * Has `work` done when this process exits, last registered first: processes end before the folders they write to go.
 * @returns takes it back
 */
export function atExit(work: () => void): () => void {
  if (works.size === 0) process.on('exit', runAll);
  works.add(work);
  return () => {
    works.delete(work);
    if (works.size === 0) process.off('exit', runAll);
  };
}
