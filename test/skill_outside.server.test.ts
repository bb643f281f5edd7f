import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Manifest, Skill } from '../shared/bundle/manifest.ts';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const OUTSIDE = join(packageRoot(), 'bench', 'skill_outside.mjs');

let place: Workplace;
let data: string;
let bundle: string;
beforeAll(async () => {
  place = createWorkplace();
  data = await place.writeBars('bars', tinyBars(place.settings));
  const { code, stderr } = await place.run(['train', '--data', data, '--seed', '3', '--trials', '0']);
  expect(code, stderr).toBeLessThanOrEqual(1);
  const [version] = readdirSync(place.models).filter((name) => /^\d{8}_\d{4}/.test(name));
  bundle = join(place.models, version!);
});
afterAll(() => place.remove());

const recompute = () =>
  spawnSync(process.execPath, [OUTSIDE, bundle, data, '--json'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', MINUTEHAND_CONFIG: place.config },
  });

const manifestPath = (): string => join(bundle, 'manifest.json');
const manifestOf = (): Manifest => JSON.parse(readFileSync(manifestPath(), 'utf8')) as Manifest;

it('the skill of a card is what a program without our training code finds from the bars and the bundle', () => {
  const ran = recompute();
  const { skill } = manifestOf();
  expect(ran.status, ran.stderr + ran.stdout).toBe(0);
  const { outside } = JSON.parse(ran.stdout) as { outside: Skill };
  expect(Math.abs(outside.auc - skill!.auc)).toBeLessThan(1e-9);
  // Less than a tenth of a row: one of 150 weighs 0.007.
  expect(Math.abs(outside.placebo_auc - skill!.placebo_auc)).toBeLessThan(5e-4);
  expect(outside.days).toBe(skill!.days);
});

it('finds a card of other coins', () => {
  const written = readFileSync(manifestPath(), 'utf8');
  const manifest = manifestOf();
  writeFileSync(manifestPath(), JSON.stringify({ ...manifest, seed: manifest.seed + 1 }));
  const { status, stdout } = recompute();
  expect([status, (JSON.parse(stdout) as { agrees: boolean }).agrees]).toEqual([1, false]);
  writeFileSync(manifestPath(), written);
});
