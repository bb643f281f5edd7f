import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { announce, readAddress, urlOf } from './address.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'minutehand-address-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('is read as it was announced, and gone when it is removed', () => {
  const path = join(folder, 'home', 'daemon_main.json');
  expect(readAddress(path)).toBeNull();
  announce(path, { host: '127.0.0.1', port: 1 });
  const takeAway = announce(path, { host: '::1', port: 7400 });
  expect(readAddress(path)).toMatchObject({ host: '::1', port: 7400, pid: process.pid });
  expect(readdirSync(join(folder, 'home'))).toEqual(['daemon_main.json']);
  takeAway();
  takeAway();
  expect(readAddress(path)).toBeNull();
});

it('is optional: where the file cannot be written, nothing happens', () => {
  writeFileSync(join(folder, 'home'), 'a file');
  const path = join(folder, 'home', 'daemon_main.json');
  announce(path, { host: '127.0.0.1', port: 1 })();
  expect(readAddress(path)).toBeNull();
});

it.each(['', 'null', '{"port":7400}', '{"pid":1,"host":"a","port":0,"started":""}', '{'])(
  'is unknown where the file contains %j',
  (text) => {
    writeFileSync(join(folder, 'x.json'), text);
    expect(readAddress(join(folder, 'x.json'))).toBeNull();
  },
);

it('is this machine where it listens everywhere', () => {
  const url = (host: string): string => urlOf({ host, port: 7400 });
  expect(['127.0.0.1', '0.0.0.0', '::', '::1', 'box'].map(url)).toEqual([
    'http://127.0.0.1:7400',
    'http://127.0.0.1:7400',
    'http://127.0.0.1:7400',
    'http://[::1]:7400',
    'http://box:7400',
  ]);
});
