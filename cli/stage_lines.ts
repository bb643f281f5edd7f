/** Prints a line when a stage begins; its progress after a comma is omitted. */
export function stageLines(tell: (line: string) => void): (stage: string) => void {
  const beganMs = performance.now();
  let last = '';
  return (stage) => {
    const name = stage.split(',')[0]!;
    if (name !== last) tell(`${((performance.now() - beganMs) / 1000).toFixed(1)} s: ${name}`);
    last = name;
  };
}
