import { writeSync } from 'node:fs';
import { OBJECTIVES } from './objectives.ts';
import { createStudy } from './study.ts';

/**
 * A search in a process of its own, which may be killed at any time; each trial takes a few milliseconds and two
 * reports.
 */
const [, , journal, trials] = process.argv;
const { space, evaluate } = OBJECTIVES.mixed;
const study = createStudy({ space, seed: 'killed', direction: 'minimize', sampler: 'tpe', journal: journal! });
const pause = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
writeSync(1, 'begun\n');
while (study.trials().filter(({ state }) => state !== 'running').length < Number(trials)) {
  const trial = study.ask();
  const value = evaluate(trial.params);
  pause();
  study.report(trial, 0, value + 1);
  pause();
  if (study.report(trial, 1, value)) study.prune(trial);
  else study.tell(trial, value);
}
writeSync(1, 'done\n');
