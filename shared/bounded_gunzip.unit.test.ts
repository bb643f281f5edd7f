import { randomBytes } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createBoundedGunzip } from './bounded_gunzip.ts';

async function unpacked(bytes: Buffer, freeBytes?: number): Promise<number> {
  let total = 0;
  const count = new Writable({
    write(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      done();
    },
  });
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
    bytes.subarray(i * 1000, (i + 1) * 1000),
  );
  await pipeline(Readable.from(pieces), createBoundedGunzip({}, freeBytes === undefined ? {} : { freeBytes }), count);
  return total;
}

it('a file that becomes a thousand times larger is refused before it is all there', async () => {
  const bomb = gzipSync(Buffer.alloc(64 << 20));
  await expect(unpacked(bomb, 1 << 20)).rejects.toThrow(expect.objectContaining({ code: 'GZIP_TOTAL' }) as Error);
  expect(await unpacked(bomb, 64 << 20)).toBe(64 << 20);
});

it('several members of one file count together, and usual texts pass', async () => {
  const members = Buffer.concat(Array.from({ length: 8 }, () => gzipSync(Buffer.alloc(1 << 20))));
  await expect(unpacked(members, 1 << 20)).rejects.toThrow(expect.objectContaining({ code: 'GZIP_TOTAL' }) as Error);
  const text = Buffer.from(randomBytes(2 << 20).toString('hex'));
  expect(await unpacked(gzipSync(text), 1000)).toBe(text.length);
});

it('without other limits, 48 MB of one line are refused, and as many bytes of constant bars pass', async () => {
  const line = 'x\n';
  await expect(unpacked(gzipSync(line.repeat((48 << 20) / line.length)))).rejects.toMatchObject({ code: 'GZIP_TOTAL' });
  const bars = Array.from({ length: 1_400_000 }, (_, i) => `${1_700_000_000 + 60 * i},1.08,1.08,1.08,1.08,0`).join(
    '\n',
  );
  expect(bars.length).toBeGreaterThan(32 << 20);
  expect(await unpacked(gzipSync(bars, { level: 1 }))).toBe(bars.length);
});
