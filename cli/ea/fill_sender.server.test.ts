import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { MACHINE_FILES } from '../../shared/files.ts';
import { FILLS_STREAM } from '../../shared/fill/fill.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { requireRedis } from '../../test/redis_server.ts';
import { sendFills } from './fill_sender.ts';

it('sends the fills of a file that was renamed before it had come to its end, each once, and then those of the new one', async (context) => {
  const server = await requireRedis(context);
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-fills-'));
  const result = join(folder, 'result.json');
  const lines = Array.from({ length: 3000 }, (_, index) => `{"fill": ${index}, "text": "${'x'.repeat(60)}"}`);
  const text = (from: number, to: number): string =>
    lines
      .slice(from, to)
      .map((line) => `${line}\n`)
      .join('');
  // As of an earlier process: so much was sent.
  const sent = text(0, 2500).length;
  writeFileSync(result, text(0, 2900));
  writeFileSync(join(folder, 'fills.sent'), `${sent}\n`);
  renameSync(result, `${result}.1`);
  writeFileSync(result, text(2900, 3000));
  const { redis: transport } = loadSettings({ env: {} }).minutehand.transports;
  const sender = sendFills(MACHINE_FILES, folder, { ...transport, url: server.url });
  const reader = new Redis(server.url);
  const fills = async (): Promise<string[]> =>
    (await reader.xrange(FILLS_STREAM, '-', '+')).map(([, fields]) => fields[1]!);
  try {
    await expect.poll(async () => (await fills()).at(-1), { timeout: 20_000 }).toBe(lines[2999]);
    const got = await fills();
    expect(got.slice(0, 500)).toEqual(lines.slice(2500));
  } finally {
    await sender.stop();
    reader.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
