import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pathInside } from './path_name.ts';

it('a name becomes the path of a file in its folder', () => {
  for (const name of ['EURUSD.csv.gz', 'BTCUSDT.250328.csv', 'BTCUSDT@1h', '20261120_0826', '_a'])
    expect(pathInside('/data', name)).toBe(join('/data', name));
});

it('no name leaves its folder, opens a device or is too long for a file system', () => {
  const climbing = ['../X', '..', '.', '', 'a/b', 'a\\b', '/etc/passwd', 'C:\\X', 'C:X', 'a..b', '.hidden', 'a.'];
  const devices = ['CON', 'con.csv', 'NUL.csv.gz', 'COM1', 'lpt9.txt', 'AUX'];
  const others = ['A\0B', 'A\nB', 'A B', 'a*', 'ЕURUSD.csv', '\u2025/x', 'A'.repeat(181), '%2e%2e%2f'];
  for (const name of [...climbing, ...devices, ...others])
    expect(() => pathInside('/data', name), JSON.stringify(name)).toThrow(/cannot be part of a path/);
});
