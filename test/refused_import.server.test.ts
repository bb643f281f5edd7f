import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parseDocument } from 'yaml';
import { openStore } from '../trainer/store/store.ts';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, type Finished, type Workplace } from './cli_process.ts';

vi.setConfig({ testTimeout: 120_000 });

const DAY_S = 86_400;
/** Sunday, January 6, 2019, 22:00 UTC: the week of currencies opens. */
const OPENS = Date.UTC(2019, 0, 6, 22) / 1000;

let place: Workplace;
beforeAll(async () => {
  place = createWorkplace();
  mkdirSync(place.home, { recursive: true });
  // Jobs are recorded where a store is.
  const store = await openStore(join(place.home, 'trainer.db'));
  await store.close();
});
afterAll(() => place.remove());

/** Three weeks of five minutes, whose stamps are ahead by so many seconds. */
function weeks(aheadSeconds: number, seed = 1): string {
  const rng = createRng(seed);
  let close = 1.27;
  const lines: string[] = [];
  for (let time = OPENS; time < OPENS + 19 * DAY_S; time += 300) {
    if ((time - OPENS) % (7 * DAY_S) >= 5 * DAY_S) continue;
    const open = close;
    close = Number((open * (1 + (rng.uniform() - 0.5) * 4e-4)).toFixed(5));
    const prices = [
      open,
      Math.max(open, close) + rng.uniform() * 1e-4,
      Math.min(open, close) - rng.uniform() * 1e-4,
      close,
    ];
    lines.push(`${time + aheadSeconds},${prices.map((price) => price.toFixed(5)).join(',')},1`);
  }
  return `time,open,high,low,close,volume\n${lines.join('\n')}\n`;
}

/** Five-minute bars under this name, imported with these options. */
function take(name: string, text: string, ...options: string[]): Promise<Finished> {
  const folder = join(place.folder, 'files');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const file = join(folder, name);
  writeFileSync(file, text);
  return place.run(['bars', 'import', file, ...options]);
}

async function jobs(): Promise<{ status: string; error: string | null }[]> {
  const { stdout } = await place.run(['jobs', 'list', '--json']);
  return (JSON.parse(stdout) as { jobs: { status: string; error: string | null }[] }).jobs;
}

it('a refused import counts nothing that was not counted, names the option that is right, and its job has the code', async () => {
  const refused = await take('GBPUSD.csv', weeks(7200));
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/GBPUSD: \d+ read, 0 rejected, none taken; still 0 bars/);
  expect(refused.stdout).not.toMatch(/minutes missing|0 added/);
  expect(refused.stderr).toMatch(
    /BARS_REFUSED: .*run from Sunday 19:00 to Friday 19:00 in New York, where Sunday 17:00 to Friday 17:00 was expected/,
  );
  expect(refused.stderr).toContain('State the clock: --epoch-timezone +02:00.');
  const [job] = await jobs();
  expect(job).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(/^BARS_REFUSED: .*GBPUSD: SHIFTED by \+2 h/) as string,
  });

  const preview = await take('GBPUSD.csv', weeks(7200), '--dry-run');
  expect(preview.code).toBe(1);
  expect((await jobs())[0]).toMatchObject({ status: 'done', error: null });

  const right = await take('GBPUSD.csv', weeks(7200), '--epoch-timezone', '+02:00');
  expect(right, right.stderr).toMatchObject({ code: 0 });
  expect(right.stdout).toMatch(/verdict: OK[^]*minutes missing in 0 holes/);
  expect(right.stderr).not.toContain('is new here');
});

it('a new symbol that is one letter away from a known one is imported, with a warning and the way back', async () => {
  const slip = await take('GPBUSD.csv', weeks(0, 2));
  expect(slip.code).toBe(0);
  expect(slip.stderr).toMatch(
    /warning: GPBUSD is new here, and one letter away from GBPUSD.\n {2}→ If it is misspelt: take it back with `.*minutehand bars undo 2`, then import the file with --symbol GBPUSD\./,
  );
  // Now it is known.
  const again = await take('GPBUSD.csv', weeks(0, 2));
  expect(again.stderr).not.toContain('is new here');
});

it('a configured symbol that is one letter away from a known one is a warning of config check and doctor', async () => {
  const config = join(place.folder, 'misspelt');
  mkdirSync(config);
  for (const name of readdirSync(place.config)) {
    const document = parseDocument(readFileSync(join(place.config, name), 'utf8'));
    if (name === 'minutehand.yaml') document.set('instruments', ['GPBUSD']);
    writeFileSync(join(config, name), document.toString());
  }
  const env = { MINUTEHAND_CONFIG: config };
  const { code, stderr } = await place.run(['config', 'check'], { env });
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('warning: GPBUSD (GPBUSD) is one letter away from GBPUSD. If it is misspelt, correct it');
  expect((await place.run(['doctor'], { env })).stdout).toMatch(/symbols .*GPBUSD/);
});
