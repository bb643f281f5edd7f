import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LEARNER_PROGRAM } from '../shared/policy/environment.ts';
import { JobRecords } from '../trainer/jobs/records/job_records.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import type { LeagueOutcome } from '../trainer/jobs/kinds/run_league.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Finished, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 480_000 });

/** The last ones take longest, so that the league is ended in one of them. */
const ENTRANTS = ['prior', 'logistic', 'gbdt', 'stacking', 'bagging'];

let place: Workplace;
let data: string;
beforeAll(async () => {
  place = createWorkplace();
  data = await place.writeBars('bars', tinyBars(place.settings));
  // Jobs are recorded where there is a store.
  await (await openStore(join(place.home, 'trainer.db'))).close();
});
afterAll(() => place.remove());

const command = (...args: string[]): string[] => [
  'league',
  '--data',
  data,
  '--entrants',
  ENTRANTS.join(','),
  '--workers',
  '1',
  '--json',
  ...args,
];
const outcomeOf = ({ stdout }: Finished): LeagueOutcome => JSON.parse(stdout) as LeagueOutcome;

/** Names of the files of finished entrants. */
function keptFiles(): string[] {
  const folder = join(place.home, 'cache', 'league');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Sum of all entries of a file of counts. */
function counted(file: 'holdout_looks.json' | 'trials.json'): number {
  const path = join(place.models, file);
  if (!existsSync(path)) return 0;
  const entries = Object.values(
    JSON.parse(readFileSync(path, 'utf8')) as Record<string, { trials?: unknown }[]>,
  ).flat();
  return entries.reduce((sum, { trials }) => sum + (typeof trials === 'number' ? trials : 1), 0);
}

/** The result without times, memory, and the names of the entrants that were taken over. */
const figures = ({ taken_over: _taken, entrants, ...own }: LeagueOutcome) => ({
  ...own,
  entrants: entrants.map(({ seconds: _seconds, memory_mb: _memory, serving, ...one }) => ({
    ...one,
    engine: serving!.engine,
    bytes: serving!.bytes,
  })),
});

/** Ends a league by a signal while this entrant plays. */
async function interrupted(signal: NodeJS.Signals, entrant: string, ...args: string[]) {
  const running = place.start(command(...args));
  await eventually(running.stderr, () => running.stderr().includes(`league: ${entrant}: 0 %`));
  running.kill(signal);
  const ended = await running.ended;
  return { ended, stderr: running.stderr(), stdout: running.stdout() };
}

describe('a league that is ended in between', () => {
  it('has kept what was finished, which the same league takes over: the same figures, each look and trial once', async () => {
    const { ended, stdout } = await interrupted('SIGKILL', 'stacking');
    expect([ended, stdout]).toEqual(['SIGKILL', '']);
    expect(keptFiles()).toHaveLength(3);
    expect([counted('holdout_looks.json'), counted('trials.json')]).toEqual([3, 3]);

    const resumed = await place.run(command());
    expect(resumed.code, resumed.stderr).toBe(0);
    const outcome = outcomeOf(resumed);
    expect(outcome.taken_over).toEqual(['prior', 'logistic', 'gbdt']);
    expect(resumed.stderr).not.toContain('league: gbdt: 50 %');
    expect([counted('holdout_looks.json'), counted('trials.json')]).toEqual([5, 5]);
    expect([outcome.holdout_looks, outcome.trials]).toEqual([5, 5]);
    // It has ended: nothing is left to be taken over.
    expect(keptFiles()).toEqual([]);

    const uninterrupted = await place.run(command('--no-cache'));
    const whole = outcomeOf(uninterrupted);
    expect(whole.taken_over).toEqual([]);
    expect(figures(outcome)).toEqual(figures(whole));
    expect([counted('holdout_looks.json'), counted('trials.json')]).toEqual([5, 5]);
  });

  it('says at Ctrl-C what it has kept, and neither another seed nor a damaged file is taken over', async () => {
    const { ended, stderr } = await interrupted('SIGINT', 'gbdt', '--seed', '5');
    expect(ended).toBe('SIGINT');
    expect(stderr).toContain('Kept for the same command: prior, logistic.');
    expect(keptFiles()).toHaveLength(2);
    const few = ['league', '--data', data, '--entrants', 'prior,logistic', '--workers', '1', '--json'];
    // The place of an entrant in the list decides the number of its look: these two have the same.
    const other = outcomeOf(await place.run([...few, '--seed', '6']));
    expect(other.taken_over).toEqual([]);
    const same = outcomeOf(await place.run([...few, '--seed', '5']));
    expect(same.taken_over).toEqual(['prior', 'logistic']);

    await interrupted('SIGKILL', 'gbdt', '--seed', '7');
    const [first] = keptFiles();
    const path = join(place.home, 'cache', 'league', first!);
    const bytes = readFileSync(path);
    bytes[bytes.length - 9]! ^= 1;
    writeFileSync(path, bytes);
    expect(outcomeOf(await place.run([...few, '--seed', '7'])).taken_over).toHaveLength(1);
  });
});

describe('a league with an entrant that fails', () => {
  const names = ['prior', 'program', 'xgboost', 'logistic'];
  const args = (): string[] => ['league', '--data', data, '--entrants', names.join(','), '--json'];

  it('names it with its error, compares the others, and ends with exit code 3', async () => {
    const program = join(place.folder, 'crashes.mjs');
    writeFileSync(program, 'console.error("no memory for this"); process.exit(7);\n');
    const env = {
      [LEARNER_PROGRAM]: JSON.stringify([process.execPath, program]),
      MINUTEHAND_XGBOOST_LIBRARY: join(place.folder, 'no.so'),
    };
    const { code, stdout, stderr } = await place.run(args(), { env });
    expect(code, stderr).toBe(3);
    const { entrants, failed, best } = JSON.parse(stdout) as LeagueOutcome;
    expect(entrants.map(({ name }) => name).sort()).toEqual(['logistic', 'prior']);
    expect(best).toBe(entrants[0]!.name);
    expect(failed).toEqual([
      expect.objectContaining({ name: 'xgboost', code: 'LEARNER_MISSING' }),
      expect.objectContaining({ name: 'program', code: expect.stringMatching(/^LEARNER_/) as string }),
    ]);
    expect(failed[1]!.message).toContain('no memory for this');
    expect(stderr).toMatch(/^program has no result\. LEARNER_\w+: .*\n {2}→ /m);
    expect(stderr).toMatch(/^xgboost has no result\. LEARNER_MISSING/m);

    const store = await openStore(join(place.home, 'trainer.db'));
    const records = new JobRecords(store, { market: 'simulated', host: '', clock: MACHINE_CLOCK });
    const [job] = await records.list({ limit: 1, kinds: ['league'], statuses: ['done'] });
    expect(job).toMatchObject({
      status: 'done',
      error: expect.stringContaining('partly done (exit code 3)') as string,
    });
    // The record has the answer as data.
    expect(JSON.parse((await records.resultOf(job!.job_id))!)).toEqual(JSON.parse(stdout));
    await store.close();

    // What did not fail is kept until it has a result of everybody.
    const mended = await place.run(args().with(4, 'prior,logistic'));
    expect(mended.code, mended.stderr).toBe(0);
  });

  it('fails itself where no entrant has a result', async () => {
    const env = { [LEARNER_PROGRAM]: '/bin/false', MINUTEHAND_XGBOOST_LIBRARY: join(place.folder, 'no.so') };
    const { code, stderr } = await place.run(args().with(4, 'program,program@baseline'), { env });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^LEARNER_(?!MISSING)\w+/m)]);
  });
});
