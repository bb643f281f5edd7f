import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sourceLines } from './source_lines.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lines-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function linesOf(bytes: Uint8Array | string, name = 'x.csv'): Promise<string[]> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  const lines: string[] = [];
  for await (const some of sourceLines(path)) for (const line of some) lines.push(line);
  return lines;
}

describe('sourceLines', () => {
  it('gives the lines of a file of many chunks, however it is packed and encoded', async () => {
    const expected = Array.from({ length: 60_000 }, (_, i) => `${i};${'é'.repeat(i % 17)}`);
    const text = expected.join('\r\n') + '\r\n';
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
    const utf8 = Buffer.from(`\ufeff${text}`, 'utf8');
    for (const bytes of [utf16, utf8, Buffer.from(text, 'latin1')]) {
      expect(await linesOf(bytes)).toEqual(expected);
      expect(await linesOf(gzipSync(bytes), 'packed.csv.gz')).toEqual(expected);
      expect(await linesOf(gzipSync(bytes), 'packed.csv')).toEqual(expected);
    }
  });

  it('gives the last line with or without its end, and empty lines between', async () => {
    expect(await linesOf('a\n\nb')).toEqual(['a', '', 'b']);
    expect(await linesOf('a\n\nb\n')).toEqual(['a', '', 'b']);
    expect(await linesOf('')).toEqual([]);
    expect(await linesOf('\n')).toEqual(['']);
  });

  it('hashes and counts the bytes on disk', async () => {
    const bytes = gzipSync('a\nb\n'.repeat(100_000));
    const path = join(folder, 'x.csv.gz');
    await writeFile(path, bytes);
    const hash = createHash('sha256');
    let count = 0;
    for await (const _ of sourceLines(path, { hash, onBytes: (some) => (count += some) }));
    expect(count).toBe(bytes.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('refuses a line without end, such as that of a small gzip file of zeros', async () => {
    const zeros = gzipSync(Buffer.alloc(32 << 20));
    expect(zeros.length).toBeLessThan(40_000);
    await expect(linesOf(zeros, 'zeros.csv.gz')).rejects.toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining('a line of more than 1048576 bytes'),
    });
  });

  it('refuses text without end and without numbers, whatever its line ends', async () => {
    const header = 'time,open,high,low,close\n60,1,1,1,1\n';
    for (const filling of ['\n', '\r\n', ',\n', ' \n']) {
      const packed = gzipSync(header + filling.repeat((8 << 20) / filling.length));
      await expect(linesOf(packed, 'x.csv.gz')).rejects.toMatchObject({
        code: 'DATA_FORMAT',
        seen: expect.stringContaining('without a digit'),
      });
    }
    const returns = gzipSync(header + '7\r'.repeat(4 << 20));
    await expect(linesOf(returns, 'x.csv.gz')).rejects.toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining('a line of more than'),
    });
  });

  it('refuses a file that does not exist, or whose gzip stream is cut or damaged', async () => {
    await expect(sourceLines(join(folder, 'none.csv.gz')).next()).rejects.toMatchObject({ code: 'DATA_MISSING' });
    const whole = gzipSync(Array.from({ length: 1000 }, (_, i) => `line ${i * i}`).join('\n'));
    await expect(linesOf(whole.subarray(0, 900), 'cut.csv.gz')).rejects.toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining('cut'),
    });
    await expect(linesOf('plain text', 'plain.csv.gz')).rejects.toMatchObject({ code: 'DATA_FORMAT' });
  });
});
