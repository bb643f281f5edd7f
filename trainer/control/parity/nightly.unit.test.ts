import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { Notice } from '../notify/outbox.ts';
import { certifyShards } from './nightly.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-nightly-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What notifications a program with this answer leads to. */
async function after(answer: object | string): Promise<{ raised: Notice[]; cleared: string[] }> {
  const program = join(folder, 'program.mjs');
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  writeFileSync(program, `process.stdout.write(${JSON.stringify(text)})`);
  chmodSync(program, 0o755);
  const raised: Notice[] = [];
  const cleared: string[] = [];
  const notifier = {
    raise: (notice: Notice) => Promise.resolve(void raised.push(notice)),
    clear: (key: string) => Promise.resolve(void cleared.push(key)),
  };
  const options = { settings: tinySettings(), command: [process.execPath, program], print: () => undefined, notifier };
  await certifyShards(options, new AbortController().signal);
  return { raised, cleared };
}

const certified = (verdict: string): object => ({ verdict, day: '2026-11-20', file: 'parity.json' });
const failed = (code: string): object => ({ error: { code, message: code } });

it('a mismatch raises an alert of the shard, and the next equal day resolves it', async () => {
  const { raised } = await after(certified('MISMATCH'));
  expect(raised).toMatchObject([{ key: 'parity:main', event: 'parity', text: expect.stringContaining('2026-11-20') }]);
  for (const verdict of ['EQUAL', 'EXPLAINED'])
    expect(await after(certified(verdict))).toEqual({ raised: [], cleared: ['parity:main'] });
});

it('a day without signals changes nothing; one that cannot be certified raises the alert', async () => {
  expect(await after(failed('DATA_MISSING'))).toEqual({ raised: [], cleared: [] });
  for (const answer of [failed('MODEL_MISSING'), 'no JSON', ''])
    expect((await after(answer)).raised).toMatchObject([{ key: 'parity:main', event: 'parity' }]);
});
