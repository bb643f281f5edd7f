import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RemoteFolder } from '../../../shared/blob/remote_folder.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { deliver } from './deliver.ts';
import { DELIVERY_FILE, parseDelivery, type Delivery } from './delivery_file.ts';
import type { LocalDelivery } from './local_delivery.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-deliver-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** One bundle of these files. */
function localOf(texts: Readonly<Record<string, string>>, version = '20261101_0300', sender = 'me'): LocalDelivery {
  const paths = new Map<string, string>();
  const files = Object.entries(texts).map(([file, text]) => {
    const path = join(folder, file);
    writeFileSync(path, text);
    const sha256 = sha256Hex(Buffer.from(text));
    paths.set(sha256, path);
    return { file, sha256, bytes: Buffer.byteLength(text) };
  });
  const delivery: Delivery = {
    format: 'minutehand.delivery/1',
    sender,
    bundles: [{ version, timeframe: null, state: 'active', files }],
    pointers: [],
  };
  return { delivery, paths, damaged: [] };
}

/** The other machine, in memory, and what was done there. */
function farFolder(): RemoteFolder & { readonly stored: Map<string, Buffer>; readonly calls: string[] } {
  const stored = new Map<string, Buffer>();
  const calls: string[] = [];
  const put = (how: string, name: string, bytes: Uint8Array): Promise<void> => {
    calls.push(`${how} ${name.slice(0, 14)}`);
    stored.set(name, Buffer.from(bytes));
    return Promise.resolve();
  };
  return {
    stored,
    calls,
    list: (parent) =>
      Promise.resolve(
        [...stored]
          .filter(([name]) => name.startsWith(`${parent}/`))
          .map(([name, bytes]) => ({ name: name.slice(parent.length + 1), bytes: bytes.length })),
      ),
    read: (name) => Promise.resolve(stored.get(name) ?? null),
    upload: (name, bytes) => put('upload', name, bytes),
    replace: (name, bytes) => put('replace', name, bytes),
    remove(name) {
      calls.push(`remove ${name.slice(0, 14)}`);
      stored.delete(name);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

const objectOf = (text: string): string => `objects/${sha256Hex(Buffer.from(text))}`;

describe('a delivery', () => {
  it('sends what is missing, names it last, and removes what is named no more', async () => {
    const far = farFolder();
    expect(await deliver(far, localOf({ a: 'one', b: 'two' }), false)).toEqual({
      sent: 2,
      bytes: 6,
      versions: ['20261101_0300'],
      removed: 0,
    });
    expect(far.calls.at(-1)).toBe(`replace ${DELIVERY_FILE}`);
    far.calls.length = 0;
    expect(await deliver(far, localOf({ a: 'one', b: 'two' }), true)).toMatchObject({ sent: 0, versions: [] });
    expect(far.calls).toEqual([]);
    const next = await deliver(far, localOf({ a: 'one', b: 'three' }, '20261108_0300'), false);
    expect(next).toEqual({ sent: 1, bytes: 5, versions: ['20261108_0300'], removed: 1 });
    expect([...far.stored.keys()].sort()).toEqual([DELIVERY_FILE, objectOf('one'), objectOf('three')].sort());
    expect(far.calls.map((call) => call.split(' ')[0])).toEqual(['upload', 'replace', 'remove']);
  });

  it('keeps what an interrupted one has begun of a wanted file, and removes the rest', async () => {
    const far = farFolder();
    far.stored.set(`${objectOf('one')}.part`, Buffer.from('o'));
    far.stored.set(`${objectOf('other')}.part`, Buffer.from('o'));
    expect(await deliver(far, localOf({ a: 'one' }), false)).toMatchObject({ sent: 1, removed: 1 });
    expect(far.stored.has(`${objectOf('one')}.part`)).toBe(true);
    expect(far.stored.has(`${objectOf('other')}.part`)).toBe(false);
  });

  it('sends no file that has changed since it was listed: the pointer stays as it is', async () => {
    const far = farFolder();
    const local = localOf({ a: 'one' });
    writeFileSync(join(folder, 'a'), '0ne');
    await expect(deliver(far, local, false)).rejects.toMatchObject({ code: 'MODEL_HASH' });
    expect([far.stored.size, far.calls]).toEqual([0, []]);
  });

  it('reads back what is there only when it is asked to, and sends again what is not whole', async () => {
    const far = farFolder();
    const local = localOf({ a: 'one', b: 'two' });
    await deliver(far, local, false);
    far.stored.set(objectOf('one'), Buffer.from('0ne'));
    expect(await deliver(far, local, false)).toMatchObject({ sent: 0 });
    expect(await deliver(far, local, true)).toMatchObject({ sent: 1, bytes: 3 });
    far.stored.set(objectOf('two'), Buffer.from('tw'));
    expect(await deliver(far, local, false)).toMatchObject({ sent: 1 });
    expect(far.stored.get(objectOf('two'))!.toString()).toBe('two');
  });

  it('leaves another sender’s folder alone, and replaces a pointer that is none', async () => {
    const far = farFolder();
    await deliver(far, localOf({ a: 'one' }), false);
    await expect(deliver(far, localOf({ a: 'two' }, '20261108_0300', 'you'), false)).rejects.toMatchObject({
      code: 'DELIVERY_FOREIGN',
    });
    expect(far.stored.has(objectOf('two'))).toBe(false);
    far.stored.set(DELIVERY_FILE, Buffer.from('{'));
    await deliver(far, localOf({ a: 'one' }), false);
    expect(parseDelivery(far.stored.get(DELIVERY_FILE)!, '').sender).toBe('me');
  });
});
