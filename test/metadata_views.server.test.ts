import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { PRODUCTION_METADATA, TRAINING_METADATA } from '../trainer/control/registry/metadata_views.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 180_000 });

let place: Workplace;
let data: string;
beforeAll(async () => {
  // No AUC of pairs reaches this, so their training is rejected.
  place = createWorkplace({ retrain: { adopt_min_auc: 0.99 } });
  data = await place.writeBars('bars', tinyBars(place.settings));
  const rng = createRng('metadata');
  let price = 100;
  const bars = Array.from({ length: 1800 }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    return `${1_599_998_400 + t * 3600},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
});
afterAll(() => place.remove());

interface View {
  readonly model_version: string | null;
  readonly strategy: string;
  readonly model_metrics: Readonly<Record<string, { readonly f1_score: number; readonly accuracy: number }>>;
  readonly performance_metrics: { readonly f1_score: number; readonly accuracy: number };
}

const read = (file: string): View => JSON.parse(readFileSync(join(place.models, file), 'utf8')) as View;

/** What the specification's program prints of both files, each figure formatted as a number. */
function printed(): string[] {
  const line = (name: string, { f1_score, accuracy }: View['performance_metrics']): string =>
    `${name} ${f1_score.toFixed(3)} ${accuracy.toFixed(3)}`;
  return [
    ...Object.entries(read(TRAINING_METADATA).model_metrics).map(([name, metrics]) => line(name, metrics)),
    line('production', read(PRODUCTION_METADATA).performance_metrics),
  ];
}

/** The bars are of a live market. */
const env = { MINUTEHAND_MARKET: 'live' };
const VOTE = ['--engine', 'vote', '--members', 'gbdt,logistic'];

describe('the metadata of models', () => {
  it('have F1 and accuracy of each member of a direction model, by command and as a job of the trainer', async () => {
    const train = ['train', '--strategy', 'direction', '--data', '.', '--symbols', 'BTCUSDT', '--adopt', ...VOTE];
    const run = await place.run([...train, '--json'], { env });
    expect(run.stderr).not.toContain('metadata views');
    const { version, adopted } = JSON.parse(run.stdout) as { version: string; adopted: boolean };
    expect(read(PRODUCTION_METADATA).model_version).toBe(adopted ? version : null);
    expect(read(TRAINING_METADATA)).toMatchObject({ model_version: version, strategy: 'direction', timeframe: '1h' });
    expect(Object.keys(read(TRAINING_METADATA).model_metrics)).toEqual([
      'direction',
      'direction.gbdt',
      'direction.logistic',
    ]);
    expect(printed()).toHaveLength(4);
    for (const { f1_score, accuracy } of Object.values(read(TRAINING_METADATA).model_metrics)) {
      expect(f1_score).toBeGreaterThan(0);
      expect(accuracy).toBeLessThan(1);
    }
    const job = await place.run([...train, '--seed', '7', '--settings-name', '--print-job'], { env });
    const settings = JSON.parse(job.stdout) as { output: object };
    expect(settings.output).toMatchObject({ settings_name: true });
    const again = await place.run(['job', 'run', '-', '--json'], { input: job.stdout, env });
    const { version: second } = JSON.parse(again.stdout) as { version: string };
    expect(second).toMatch(/^\d{8}_\d{4,6}-vote-h24$/);
    expect(read(TRAINING_METADATA).model_version).toBe(second);
  });

  it('have those of each member of a rejected model of pairs', async () => {
    const flags = ['--data', data, '--trials', '0', '--adopt', ...VOTE, '--json'];
    const run = await place.run(['train', ...flags], { env });
    const { version, adopted } = JSON.parse(run.stdout) as { version: string; adopted: boolean };
    expect(adopted).toBe(false);
    expect(read(TRAINING_METADATA)).toMatchObject({ model_version: version, strategy: 'pairs' });
    const names = ['ai1', 'ai2', 'ai3'].flatMap((name) => [name, `${name}.gbdt`, `${name}.logistic`]);
    expect(Object.keys(read(TRAINING_METADATA).model_metrics)).toEqual(names);
    expect(printed()).toHaveLength(10);
    const { ai1, 'ai1.gbdt': gbdt, 'ai1.logistic': logistic } = read(TRAINING_METADATA).model_metrics;
    expect(new Set([ai1!.f1_score, gbdt!.f1_score, logistic!.f1_score]).size).toBe(3);
  });
});
