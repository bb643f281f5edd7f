import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../shared/sha256.ts';
import { deliveryText, type DeliveredBundle, type Delivery } from './delivery_file.ts';
import { bundleOf, openDelivered, withDelivered, type DeliverySource } from './receive.ts';

const VERSION = '20261101_0300';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-receive-'));
  mkdirSync(join(folder, 'objects'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A bundle whose files have arrived. */
function bundle(texts: Readonly<Record<string, string>>, timeframe: DeliveredBundle['timeframe'] = null) {
  const files = Object.entries(texts).map(([file, text]) => {
    const sha256 = sha256Hex(Buffer.from(text));
    writeFileSync(join(folder, 'objects', sha256), text);
    return { file, sha256, bytes: Buffer.byteLength(text) };
  });
  return { version: VERSION, timeframe, state: 'active', files } satisfies DeliveredBundle;
}

/** The delivery of these bundles, as its receiver opens it. */
function opened(...bundles: DeliveredBundle[]): Promise<DeliverySource> {
  const delivery: Delivery = { format: 'minutehand.delivery/1', sender: 'me', bundles, pointers: [] };
  writeFileSync(join(folder, 'delivery.json'), deliveryText(delivery));
  return openDelivered(folder, {});
}

const pathOf = (text: string): string => join(folder, 'objects', sha256Hex(Buffer.from(text)));

describe('a delivered bundle', () => {
  it('is put together from its files while it is used, and leaves nothing', async () => {
    let used = '';
    const delivered = bundle({ 'manifest.json': '{}', 'ai1.onnx': 'model' });
    const names = await withDelivered(await opened(delivered), delivered, (path) => {
      used = path;
      expect(readFileSync(join(path, 'ai1.onnx'), 'utf8')).toBe('model');
      return Promise.resolve(readdirSync(path).sort());
    });
    expect(names).toEqual(['ai1.onnx', 'manifest.json']);
    expect(used.endsWith(VERSION)).toBe(true);
    expect(existsSync(used)).toBe(false);
  });

  it.each([
    ['changed', (path: string) => writeFileSync(path, 'm0del')],
    ['cut', (path: string) => writeFileSync(path, 'mod')],
    ['not there', (path: string) => rmSync(path)],
  ])('is not used when a file is %s', async (_, damage) => {
    const delivered = bundle({ 'manifest.json': '{}', 'ai1.onnx': 'model' });
    damage(pathOf('model'));
    let isUsed = false;
    const using = withDelivered(await opened(delivered), delivered, () => Promise.resolve((isUsed = true)));
    await expect(using).rejects.toMatchObject({ code: 'DELIVERY_DAMAGED' });
    expect(isUsed).toBe(false);
  });

  it('is that of the pointer’s version and timeframe', async () => {
    const pairs = bundle({ a: 'pairs' });
    const hours = bundle({ a: 'hours' }, '1h');
    const { delivery: read } = await opened(pairs, hours);
    const pointer = { version: VERSION } as never;
    expect([bundleOf(read, pointer, 'direction 1h'), bundleOf(read, pointer, 'pairs')]).toEqual([hours, pairs]);
    for (const [version, slot] of [
      [VERSION, 'direction 5m'],
      ['20261108_0300', 'pairs'],
    ] as const)
      expect(() => bundleOf(read, { version } as never, slot)).toThrow(
        expect.objectContaining({ code: 'DELIVERY_DAMAGED' }) as Error,
      );
  });
});
