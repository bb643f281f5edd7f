import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { createDisk, type SimulatedDisk } from './disk.ts';

function newDisk(seed = 1): SimulatedDisk & { spentMs: number } {
  const disk = createDisk({ rng: createRng(seed), wallMs: () => 7, spend: (ms) => void (spending.spentMs += ms) });
  const spending = Object.assign(disk, { spentMs: 0 });
  return spending;
}
const text = (disk: SimulatedDisk, path: string): string => disk.read(path).toString();
const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;
/** Contents after a power cut, over many seeds. */
function outcomes(prepare: (disk: SimulatedDisk) => void, look: (disk: SimulatedDisk) => string): Set<string> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const disk = newDisk(seed);
    disk.makeFolder('/home');
    disk.settle();
    prepare(disk);
    disk.cutPower();
    seen.add(look(disk));
  }
  return seen;
}
const look =
  (path: string) =>
  (disk: SimulatedDisk): string =>
    disk.stat(path) === null ? 'absent' : text(disk, path);

describe('the simulated disk', () => {
  it('behaves like a file system: folders must exist, renames replace, removing an absent file succeeds', () => {
    const disk = newDisk();
    expect(() => disk.write('/a/x', '1')).toThrowError(withCode('ENOENT'));
    disk.makeFolder('/a/b');
    disk.write('/a/b/x', 'one');
    const first = disk.stat('/a/b/x')!;
    expect(first).toMatchObject({ bytes: 3, modifiedMs: 7 });
    disk.write('/a/b/y', 'two');
    disk.rename('/a/b/y', '/a/b/x');
    expect([text(disk, '/a/b/x'), disk.stat('/a/b/y')]).toEqual(['two', null]);
    expect(disk.stat('/a/b/x')!.inode).not.toBe(first.inode);
    expect(disk.list('/a')).toEqual([{ name: 'b', isFolder: true }]);
    expect(() => disk.read('/a/b/y')).toThrowError(withCode('ENOENT'));
    expect(() => disk.read('/a/b')).toThrowError(withCode('EISDIR'));
    expect(() => disk.makeFolder('/a/b/x/c')).toThrowError(withCode('ENOTDIR'));
    disk.makeFolder('/a/c');
    disk.rename('/a/c', '/a/d');
    expect(() => disk.rename('/a/d', '/a/b')).toThrowError(withCode('ENOTEMPTY'));
    disk.remove('/a/b');
    disk.remove('/nowhere/at/all');
    expect([disk.list('/a/b'), disk.stat('/a/b/x')]).toEqual([[], null]);
  });

  it('keeps synced content and names through a power cut', () => {
    const left = outcomes((disk) => {
      disk.write('/home/x', 'whole');
      disk.sync('/home/x');
      disk.sync('/home');
    }, look('/home/x'));
    expect(left).toEqual(new Set(['whole']));
  });

  it('may lose a synced file whose folder was not synced', () => {
    const left = outcomes((disk) => {
      disk.write('/home/x', 'whole');
      disk.sync('/home/x');
    }, look('/home/x'));
    expect(left).toEqual(new Set(['whole', 'absent']));
  });

  it('may leave torn content under the name when only the folder was synced', () => {
    const left = outcomes((disk) => {
      disk.write('/home/x', 'whole');
      disk.sync('/home');
    }, look('/home/x'));
    expect(left).toEqual(new Set(['', 'w', 'wh', 'who', 'whol', 'whole']));
  });

  it('shows the old or the new file after a rename that was not synced, never part of a synced one', () => {
    const left = outcomes((disk) => {
      disk.write('/home/x', 'old');
      disk.settle();
      disk.write('/home/x.tmp', 'new content');
      disk.sync('/home/x.tmp');
      disk.rename('/home/x.tmp', '/home/x');
    }, look('/home/x'));
    expect(left).toEqual(new Set(['old', 'new content']));
  });

  it('applies renames within one folder in order', () => {
    const left = outcomes(
      (disk) => {
        for (const name of ['a', 'b', 'c']) {
          disk.write(`/home/${name}`, '');
          disk.sync(`/home/${name}`);
        }
      },
      (disk) =>
        disk
          .list('/home')
          .map(({ name }) => name)
          .join(''),
    );
    expect(left).toEqual(new Set(['', 'a', 'ab', 'abc']));
  });

  it('agrees with a plain map of paths as long as the power stays on', () => {
    const path = fc.constantFrom('/home/a', '/home/b', '/home/c');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), path, data: fc.string({ maxLength: 4 }) }),
      fc.record({ kind: fc.constant('rename' as const), path, to: path }),
      fc.record({ kind: fc.constant('remove' as const), path }),
      fc.record({ kind: fc.constant('sync' as const), path }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const disk = newDisk();
        disk.makeFolder('/home');
        const files = new Map<string, string>();
        for (const it of steps) {
          const isThere = files.has(it.path);
          if (it.kind === 'write') {
            disk.write(it.path, it.data);
            files.set(it.path, it.data);
          } else if (it.kind === 'remove') {
            disk.remove(it.path);
            files.delete(it.path);
          } else if (!isThere) {
            expect(() => (it.kind === 'rename' ? disk.rename(it.path, it.to) : disk.sync(it.path))).toThrow('ENOENT');
          } else if (it.kind === 'rename') {
            disk.rename(it.path, it.to);
            const content = files.get(it.path)!;
            files.delete(it.path);
            files.set(it.to, content);
          } else disk.sync(it.path);
        }
        expect(new Map(disk.list('/home').map(({ name }) => [`/home/${name}`, text(disk, `/home/${name}`)]))).toEqual(
          files,
        );
      }),
    );
  });

  it('fails the configured number of operations of one kind under a path, starting at the n-th, and no others', () => {
    const disk = newDisk();
    disk.makeFolder('/home/signals');
    disk.fault({ code: 'EIO', under: '/home/signals', operations: ['write'], after: 1, times: 2 });
    disk.write('/home/other', '1');
    disk.write('/home/signals/x', '1');
    expect(() => disk.write('/home/signals/x', '2')).toThrowError(withCode('EIO'));
    expect(() => disk.write('/home/signals/y', '2')).toThrowError(withCode('EIO'));
    disk.write('/home/signals/x', '3');
    expect([text(disk, '/home/signals/x'), disk.failures, disk.faults]).toEqual(['3', 2, []]);
  });

  it('leaves a partial file when it is full, and the old file when permission is denied', () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const disk = newDisk(seed);
      disk.makeFolder('/home');
      disk.write('/home/x', 'old');
      disk.fault({ code: 'ENOSPC', under: '/home', operations: ['write'], after: 0, times: 1 });
      expect(() => disk.write('/home/x', 'longer')).toThrowError(withCode('ENOSPC'));
      expect('longer'.startsWith(text(disk, '/home/x'))).toBe(true);
      lengths.add(text(disk, '/home/x').length);
      disk.write('/home/x', 'old');
      disk.fault({ code: 'EACCES', under: '/home', operations: ['write'], after: 0, times: 1 });
      expect(() => disk.write('/home/x', 'longer')).toThrowError(withCode('EACCES'));
      expect(text(disk, '/home/x')).toBe('old');
    }
    expect(lengths.size).toBeGreaterThan(3);
  });

  it('takes time when it is slow', () => {
    const disk = newDisk();
    disk.makeFolder('/home');
    disk.slowness = { ms: 30, under: '/home' };
    disk.write('/home/x', '');
    disk.write('/x', '');
    expect(disk.spentMs).toBe(30);
    disk.clearFaults();
    disk.write('/home/x', '');
    expect(disk.spentMs).toBe(30);
  });
});
