import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { packageRoot } from '../root.ts';
import { allDeliveredValues, deliveredCosts, packagedCosts, packagedValues } from './delivered.ts';

const read = vi.hoisted(() => ({ edited: null as { file: string; text: string } | null }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const readFile = (path: string, ...more: [BufferEncoding]) =>
    read.edited !== null && String(path).endsWith(read.edited.file) ? read.edited.text : fs.readFileSync(path, ...more);
  return { ...fs, readFileSync: readFile };
});

const textOf = (file: string): string => readFileSync(join(packageRoot(), 'config', file), 'utf8');

it('delivered costs are those of the release, whatever a person makes of minutehand.yaml', () => {
  const delivered = deliveredCosts();
  expect(delivered).toEqual(packagedCosts());
  const text = textOf('minutehand.yaml');
  read.edited = { file: 'config/minutehand.yaml', text: text.replaceAll(/spread_bps: [\d.]+/g, 'spread_bps: 99') };
  try {
    expect(packagedCosts()).not.toEqual(delivered);
    expect(deliveredCosts()).toEqual(delivered);
  } finally {
    read.edited = null;
  }
});

it('delivered values of a policy are those of the release, whatever a person makes of its file', () => {
  const delivered = allDeliveredValues('core');
  expect(delivered).toEqual(packagedValues('core'));
  const text = textOf('core_policy.yaml');
  read.edited = {
    file: 'config/core_policy.yaml',
    text: text.replace(/require_edge:(\s+)value: true/, 'require_edge:$1value: false'),
  };
  try {
    expect(packagedValues('core')).not.toEqual(delivered);
    expect(allDeliveredValues('core')).toEqual(delivered);
  } finally {
    read.edited = null;
  }
});
