import { randomBytes } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createBoundedGunzip } from './bounded_gunzip.ts';

async function unpacked(bytes: Buffer, freeBytes: number): Promise<number> {
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
  await pipeline(Readable.from(pieces), createBoundedGunzip({}, { freeBytes }), count);
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
