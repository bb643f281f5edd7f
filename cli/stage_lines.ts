import type { Output, Progress } from './output.ts';

/** Prints a line when a stage begins; its progress after a comma is omitted. */
function stageLines(tell: (line: string) => void): (stage: string) => void {
  const beganMs = performance.now();
  let last = '';
  return (stage) => {
    const name = stage.split(',')[0]!;
    if (name !== last) tell(`${((performance.now() - beganMs) / 1000).toFixed(1)} s: ${name}`);
    last = name;
  };
}

/** Shows the progress of a training. @param isVerbose whether each stage gets a line as well */
export function trainingProgress(
  progress: Progress,
  isVerbose: boolean,
  output: Output,
): (stage: string, done: number, total: number) => void {
  const onStage = isVerbose ? stageLines((line) => output.note(line)) : null;
  return (stage, done, total) => {
    onStage?.(stage);
    progress.update(stage, done, total);
  };
}
