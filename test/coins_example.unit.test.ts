import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { directionOf } from '../trainer/control/api/direction_request.ts';
import { NO_SYMBOL_NAMES } from '../shared/symbol/symbol.ts';
import { spellSubjects } from '../trainer/control/api/spelled_subjects.ts';
import { mlTrainingConfig } from '../trainer/control/schema/training.ts';
import { directionJobSchema } from '../trainer/jobs/kinds/direction_job.ts';

const EXAMPLE = join(packageRoot(), 'docs/examples/coins');
const COINS = ['BTCUSDT', 'ETHUSDT', 'ICPUSDT', 'SOLUSDT', 'AVAXUSDT'];
const DAYS = 180;
const configDir = mkdtempSync(join(tmpdir(), 'coins-'));
afterAll(() => rmSync(configDir, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(EXAMPLE, name), 'utf8');

it('the example of five coins is a configuration, a job and a request that are accepted, of 180 days', () => {
  cpSync(join(packageRoot(), 'config'), configDir, { recursive: true });
  const file = join(configDir, 'minutehand.yaml');
  const whole = parseDocument(readFileSync(file, 'utf8')).toJS() as Record<string, unknown>;
  const part = parseDocument(read('minutehand.part.yaml')).toJS() as Record<string, unknown>;
  expect(Object.keys(whole)).toEqual(expect.arrayContaining(Object.keys(part)));
  writeFileSync(file, stringify({ ...whole, ...part }));
  const { minutehand } = loadSettings({ configDir });
  expect(minutehand.instruments).toEqual(COINS.map((coin) => `${coin}@1h`));
  expect(Object.keys(minutehand.symbols)).toEqual(COINS);

  const job = directionJobSchema.parse(JSON.parse(read('training_job.json')));
  expect([job.symbols, job.window.days, job.timeframe]).toEqual([COINS, DAYS, '1h']);

  const body: unknown = JSON.parse(read('training_request.json'));
  spellSubjects(body, NO_SYMBOL_NAMES);
  const request = mlTrainingConfig.parse(body);
  expect(directionOf(request)).toEqual({ symbol: 'BTCUSDT', timeframe: '1h' });
  const day = (text: string): number => Date.parse(text) / 86_400_000;
  expect(day(request.end_date!) - day(request.start_date!) + 1).toBe(DAYS);
});
