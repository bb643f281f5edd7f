import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { recordPassedGates } from './tiny_models.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const ROOT = packageRoot();
const GUIDE = readFileSync(join(ROOT, 'docs', 'guides', 'GO_LIVE.md'), 'utf8');
const PAIR = /`pairs: \[(\w+_\w+)\]`/.exec(GUIDE)![1]!;
/** The commands of steps 4 to 6. */
const COMMANDS = GUIDE.split('```bash\n')[1]!.split('```')[0]!;
const URL_OF_GUIDE = 'http://127.0.0.1:7400';
/** As the example bars of the guide have them. */
const PRICES: Readonly<Record<string, number>> = { XAUUSD: 1526.5, XAGUSD: 18.41 };
const ROWS = 1100;

const missing = ['jq', 'curl', 'zcat'].filter(
  (name) => !(process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, name))),
);

/** From −1 to 1, the same for a seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => ((state = (state * 16_807) % 2_147_483_647) / 2_147_483_647) * 2 - 1;
}

/** Minutes that end some minutes before now, so that the example bar of the guide is the next one or near it. */
function ownBars(symbol: string): string {
  const last = Math.floor(Date.now() / 60_000) * 60 - 120;
  const common = numbers(1);
  const noise = numbers(symbol.charCodeAt(2));
  let close = PRICES[symbol]!;
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const open = close;
    // Both metals move together, around the prices of the guide.
    close = PRICES[symbol]! + 0.98 * (open - PRICES[symbol]!) + PRICES[symbol]! * (common() + 0.5 * noise()) * 2e-4;
    const high = Math.max(open, close) * 1.00005;
    const low = Math.min(open, close) * 0.99995;
    const prices = [open, high, low, close].map((price) => price.toFixed(3));
    return `${last - (ROWS - 1 - i) * 60},${prices.join()},${10 + (i % 50)}`;
  });
  return ['time,open,high,low,close,volume', ...rows].join('\n');
}

describe.skipIf(missing.length > 0)(
  `docs/guides/GO_LIVE.md${skipNote(missing.length > 0, `${missing.join(', ')} is not installed`)}`,
  () => {
    let place: Workplace;
    beforeAll(() => {
      place = createWorkplace();
      // The delivered configuration, changed as step 1 says; no Redis of this machine.
      rmSync(place.config, { recursive: true });
      cpSync(join(ROOT, 'config'), place.config, { recursive: true });
      const file = join(place.config, 'minutehand.yaml');
      const text = readFileSync(file, 'utf8');
      const changed = text
        .replace(/^market: .*$/m, 'market: live')
        .replace(/^pairs:\n(?:  .*\n|\n)+/m, `pairs: [${PAIR}]\n`)
        .replace(/(redis:\n(?:.*\n)*?\s+enabled: )auto/, '$1off');
      expect(changed).toContain(`pairs: [${PAIR}]`);
      writeFileSync(file, changed);
    });
    afterAll(() => place.remove());

    it('leads from its own two-symbol example to a status with exit code 0, by its commands as they are written', async () => {
      expect(await place.run(['config', 'check'])).toMatchObject({ code: 0 });
      // Step 2: bars come in, and a bundle that passed its gates is promoted. A training is another guide.
      const own = join(place.folder, 'own');
      mkdirSync(own);
      for (const symbol of PAIR.split('_')) writeFileSync(join(own, `${symbol}.csv`), ownBars(symbol));
      // Bars that end now are refused on a weekend, when metals do not trade, unless a person accepts them.
      const imported = await place.run(['bars', 'import', own, '--accept', 'SUSPECT']);
      expect(imported.stderr.replaceAll(/^importing: .*\n/gm, '')).toBe('');
      expect(imported.code).toBe(0);
      const settings = loadSettings({ env: { MINUTEHAND_CONFIG: place.config } });
      const schema = featureSchema(settings.minutehand.windows);
      const bundle = writeRandomBundle(place.models, {
        schema,
        trees: 4,
        leaves: 4,
        seed: 'go live',
        market: 'live',
        pairs: [PAIR],
      });
      recordPassedGates(bundle);
      const promoted = await place.run(['models', 'promote', bundle.split('/').at(-1)!]);
      expect(promoted.code, promoted.stderr).toBe(0);
      // Step 3.
      const up = place.start(['up']);
      const output = (): string => up.stdout() + up.stderr();
      const address = await eventually(output, () => /Daemon listens on (127\.0\.0\.1:\d+)/.exec(output())?.[1]);
      // Steps 4 to 6, as they are written.
      expect((await place.run(['bars', 'export', '--out', join(place.folder, 'bars')])).code).toBe(0);
      expect(COMMANDS).toContain(URL_OF_GUIDE);
      const commands = COMMANDS.replaceAll(URL_OF_GUIDE, `http://${address}`).replace(/minutehand status\n$/, '');
      const script = join(place.folder, 'steps.sh');
      writeFileSync(script, `set -euo pipefail\ncd "${place.folder}"\n${commands}`);
      const answers = execFileSync('bash', [script], { encoding: 'utf8' });
      expect(answers).toContain(`"accepted":${2 * 1000}`);
      expect(answers).toContain('"accepted":2');
      expect(answers).not.toMatch(/"code":"BAR_/);
      await eventually(
        () => output(),
        async () => (await place.run(['status'])).code === 0 || undefined,
        1,
      );
    });

    it('names only commands that exist', async () => {
      const named = [...GUIDE.matchAll(/`minutehand ([a-z][a-z -]*?)(?: --[^`]*)?`/g)].map(([, words]) =>
        words!.trim(),
      );
      expect(named).toContain('models promote');
      const commands = [...new Set(named)];
      const answers = await place.runEach(commands.map((command) => [...command.split(' '), '--help']));
      expect(answers.map(({ code }, index) => [commands[index], code])).toEqual(
        commands.map((command) => [command, 0]),
      );
    });
  },
);
