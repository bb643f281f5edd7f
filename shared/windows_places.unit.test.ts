import { win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { homePaths } from './home.ts';
import {
  synchronizedBy,
  synchronizedWarnings,
  remoteSystemOf,
  LONGEST_PATH,
  oneDriveOf,
  placesOf,
  placeWarnings,
  warningsOfPlaces,
  type Place,
} from './windows_places.ts';

const place = (folder: string, longestBelow = 100): Place => ({
  what: 'the home',
  folder,
  longestBelow,
  move: 'Move it.',
});

describe('a folder in OneDrive', () => {
  const env = {
    OneDrive: String.raw`C:\Users\ann\OneDrive`,
    OneDriveCommercial: String.raw`D:\Wolke`,
    OneDriveConsumer: '',
  };

  it.each([
    [String.raw`C:\Users\ann\OneDrive`, String.raw`C:\Users\ann\OneDrive`],
    [String.raw`C:\Users\ann\OneDrive\minutehand\var`, String.raw`C:\Users\ann\OneDrive`],
    [String.raw`c:\users\ANN\onedrive\x`, String.raw`C:\Users\ann\OneDrive`],
    [String.raw`\\?\C:\Users\ann\OneDrive\x`, String.raw`C:\Users\ann\OneDrive`],
    ['C:/Users/ann/OneDrive/x', String.raw`C:\Users\ann\OneDrive`],
    [String.raw`D:\Wolke\minutehand`, String.raw`D:\Wolke`],
    // By its name, without a variable.
    [String.raw`E:\OneDrive - Ann & Bob Ltd.\x`, String.raw`E:\OneDrive - Ann & Bob Ltd.`],
    [String.raw`C:\Users\bob\OneDrive\Documents\x`, String.raw`C:\Users\bob\OneDrive`],
  ])('%s is found', (folder, root) => expect(oneDriveOf(folder, env)).toBe(root));

  it.each([
    String.raw`C:\minutehand`,
    String.raw`C:\Users\ann`,
    String.raw`C:\Users\ann\OneDriver\x`,
    String.raw`C:\Users\ann\OneDrive.old\x`,
    String.raw`C:\Users\ann\MyOneDrive`,
    String.raw`D:\Wolken\minutehand`,
    String.raw`E:\Wolke\minutehand`,
    String.raw`D:\..Wolke`,
  ])('%s is not in it', (folder) => expect(oneDriveOf(folder, env)).toBeNull());

  it('is named with its way out', () => {
    const [text, ...others] = placeWarnings([place(String.raw`C:\Users\ann\OneDrive\var`)], env);
    expect(others).toEqual([]);
    expect(text).toMatch(
      /^the home C:\\Users\\ann\\OneDrive\\var is in OneDrive \(C:\\Users\\ann\\OneDrive\), .* Move it\.$/,
    );
  });
});

describe('a synchronized folder', () => {
  it.each([
    ['/home/ann/Dropbox/minutehand', 'Dropbox', '/home/ann/Dropbox'],
    ['/home/ann/Dropbox (Ltd)/var', 'Dropbox', '/home/ann/Dropbox (Ltd)'],
    [
      '/Users/ann/Library/Mobile Documents/com~apple~CloudDocs/x',
      'iCloud',
      '/Users/ann/Library/Mobile Documents/com~apple~CloudDocs',
    ],
    ['/Users/ann/Library/CloudStorage/x', 'the cloud storage of macOS', '/Users/ann/Library/CloudStorage'],
    ['/home/ann/OneDrive/x', 'OneDrive', '/home/ann/OneDrive'],
    [String.raw`D:\Nextcloud\x`, 'a synchronization', String.raw`D:\Nextcloud`],
    ['/home/ann/Google Drive/x', 'Google Drive', '/home/ann/Google Drive'],
  ])('%s is found', (path, by, root) => expect(synchronizedBy(path)).toEqual({ by, root }));

  it.each(['/home/ann/minutehand', '/srv/dropboxes/x', '/opt/onedriver/x', '/home/mega/x/Boxes'])(
    '%s is none',
    (path) => expect(path.includes('mega') ? synchronizedBy('/home/megan/x') : synchronizedBy(path)).toBeNull(),
  );

  it('or one of another machine is named with its way out, and one of this machine is not', () => {
    const mounts = '/dev/sda1 / ext4 rw 0 0\nnas:/data /mnt/n\\040as nfs4 rw 0 0\n//pc/x /mnt/pc cifs rw 0 0\n';
    expect(remoteSystemOf('/mnt/n as/home', mounts)).toBe('nfs4');
    expect(remoteSystemOf('/mnt/pc', mounts)).toBe('cifs');
    expect(remoteSystemOf('/mnt/pcs/home', mounts)).toBeNull();
    expect(remoteSystemOf(String.raw`\\nas\share\home`, '')).toBe('a network share');
    expect(synchronizedWarnings([['The home', '/mnt/pc/home']], mounts)).toEqual([
      expect.stringMatching(/^The home \/mnt\/pc\/home is on another machine \(cifs\): .*Move it to a disk/),
    ]);
    expect(synchronizedWarnings([['The home', '/home/ann/Dropbox/h']], '')).toEqual([
      expect.stringMatching(/^The home .* is in a folder that Dropbox synchronizes \(\/home\/ann\/Dropbox\)/),
    ]);
    expect(synchronizedWarnings([['The home', '/home/ann/h']], mounts)).toEqual([]);
  });
});

describe('a deep folder', () => {
  it('is warned of exactly when a path in it is longer than Windows opens', () => {
    const name = fc.stringMatching(/^[a-z分ü ]{1,40}[a-z]$/);
    fc.assert(
      fc.property(fc.array(name, { maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (parts, longestBelow) => {
        const folder = win32.join('C:\\', ...parts);
        const longest = win32.join(folder, 'x'.repeat(longestBelow));
        const warnings = placeWarnings([place(folder, longestBelow)], {});
        // The root of a drive ends with the separator already.
        if (parts.length > 0) expect(warnings.length === 1).toBe(longest.length > LONGEST_PATH);
      }),
    );
  });

  it('says how long it may be', () => {
    const [text] = placeWarnings([place(`C:\\${'a'.repeat(157)}`)], {});
    expect(text).toContain(
      'paths in it have up to 261 characters, of which Windows opens 259; the folder may have 158. Move it.',
    );
    expect(placeWarnings([place(`C:\\${'a'.repeat(155)}`)], {})).toEqual([]);
  });
});

describe('the folders of an installation', () => {
  const program = String.raw`C:\minutehand`;
  const home = String.raw`C:\minutehand\var`;
  const namesOf = (folders: Parameters<typeof placesOf>[0]): string[] => placesOf(folders).map(({ what }) => what);

  it('are each named once: the delivered home is in the installation, signals are in the home', () => {
    expect(namesOf({ home, exchange: home, program })).toEqual(['The installation']);
    expect(namesOf({ home: String.raw`D:\home`, exchange: String.raw`D:\HOME`, program })).toEqual([
      'The installation',
      'The home',
    ]);
    expect(namesOf({ home, exchange: String.raw`C:\Users\ann\Common\Files\minutehand`, program })).toEqual([
      'The installation',
      'The exchange folder',
    ]);
  });

  it('are warned of on Windows alone', () => {
    const env = { MINUTEHAND_HOME: '/tmp/OneDrive/home' };
    expect(warningsOfPlaces(homePaths(env), env, 'linux')).toEqual([]);
    expect(warningsOfPlaces(homePaths(env), env, 'win32').join()).toContain('is in OneDrive');
  });
});
