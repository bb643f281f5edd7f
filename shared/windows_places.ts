import { readFileSync, realpathSync } from 'node:fs';
import path, { dirname, win32, type PlatformPath } from 'node:path';
import type { HomePaths } from './home.ts';
import { packageRoot } from './root.ts';

/** A folder of this installation, and the longest path that there may be below it. */
export interface Place {
  /** As a person calls it. */
  readonly what: string;
  readonly folder: string;
  readonly longestBelow: number;
  /** How to have it elsewhere. */
  readonly move: string;
}

/**
 * Characters of a path that every program of Windows opens (MAX_PATH without its end). Node opens longer ones; SQLite,
 * libraries that are loaded, MetaTrader and Explorer do not.
 */
export const LONGEST_PATH = 259;
/** Below the home, without the Python environment of the networks. Measured: test/storage.chain.test.ts. */
export const LONGEST_BELOW_HOME = 120;
/** `signals/<pair>/signal.json.<pid>.tmp`, and the same of accounts. */
export const LONGEST_BELOW_EXCHANGE = 80;
/** Packages and programs. Measured: test/windows/start.chain.test.ts. */
export const LONGEST_BELOW_PROGRAM = 165;

/** Folders that OneDrive synchronizes: of this user, of their organization, of a private account. */
const ONEDRIVE_VARIABLES = ['OneDrive', 'OneDriveCommercial', 'OneDriveConsumer'] as const;
const ONEDRIVE_NAME = /^OneDrive(?: - .*)?$/i;
/** Of a path that is taken as it is. */
const VERBATIM = /^\\\\\?\\(?!UNC\\)/;

/**
 * Places that Windows does not let work for long: OneDrive opens, moves and replaces files while they are written, and
 * a database that it brings back is an old one; paths that are too long cannot be opened by every part.
 */
export function placeWarnings(places: readonly Place[], env: NodeJS.ProcessEnv): string[] {
  return places.flatMap((place) => [...oneDriveWarning(place, env), ...lengthWarning(place)]);
}

/** The folder of OneDrive that a path is in; null where it is in none. Names are as Windows compares them. */
export function oneDriveOf(path: string, env: NodeJS.ProcessEnv): string | null {
  const folder = win32.normalize(path.replace(VERBATIM, ''));
  const named = ONEDRIVE_VARIABLES.map((variable) => env[variable] ?? '').filter((root) => root !== '');
  const known = named.find((root) => isWithin(folder, root));
  if (known !== undefined) return known;
  // A service has no such variables.
  const parts = folder.split('\\');
  const at = parts.findIndex((part) => ONEDRIVE_NAME.test(part));
  return at === -1 ? null : parts.slice(0, at + 1).join('\\');
}

function isWithin(folder: string, root: string): boolean {
  const way = win32.relative(root, folder);
  return way === '' || (way !== '..' && !way.startsWith('..\\') && !win32.isAbsolute(way));
}

function oneDriveWarning({ what, folder, move }: Place, env: NodeJS.ProcessEnv): string[] {
  const root = oneDriveOf(folder, env);
  if (root === null) return [];
  return [
    `${what} ${folder} is in OneDrive (${root}), which opens, moves and replaces files while they are in use. ${move}`,
  ];
}

function lengthWarning({ what, folder, longestBelow, move }: Place): string[] {
  const length = folder.replace(VERBATIM, '').length + 1 + longestBelow;
  if (length <= LONGEST_PATH) return [];
  const most = LONGEST_PATH - 1 - longestBelow;
  return [
    `${what} ${folder} is too deep: paths in it have up to ${length} characters, of which Windows opens ${LONGEST_PATH}; the folder may have ${most}. ${move}`,
  ];
}

/** Names of folders that programs of these names synchronize, wherever they are. */
const SYNCHRONIZED: readonly (readonly [name: RegExp, by: string])[] = [
  [/^OneDrive(?: ?- .*)?$/i, 'OneDrive'],
  [/^Dropbox(?: \(.*\))?$/i, 'Dropbox'],
  [/^(?:com~apple~CloudDocs|iCloud ?Drive)$/i, 'iCloud'],
  [/^(?:Google ?Drive|GoogleDrive-.*|My Drive|DriveFS)$/i, 'Google Drive'],
  [/^(?:Nextcloud|ownCloud|MEGA|MEGAsync|pCloud ?Drive|Box|Box Sync|Syncthing|Seafile)$/i, 'a synchronization'],
  [/^CloudStorage$/, 'the cloud storage of macOS'],
];
/** File systems of another machine, as /proc/mounts names them. */
const REMOTE_SYSTEMS =
  /^(?:nfs\d*|cifs|smb\d*|smbfs|afpfs|ncpfs|9p|ceph|glusterfs|lustre|davfs|fuse\.(?:sshfs|davfs2?|rclone|s3fs|gcsfuse|goofys|glusterfs|onedriver|google-drive-ocamlfuse))$/;

/** By which program a folder is synchronized, with the folder that it synchronizes; null: by none that is known. */
export function synchronizedBy(path: string): { readonly by: string; readonly root: string } | null {
  const separator = path.includes('\\') ? '\\' : '/';
  const parts = path.split(/[\\/]/);
  for (const [at, part] of parts.entries())
    for (const [name, by] of SYNCHRONIZED)
      if (name.test(part)) return { by, root: parts.slice(0, at + 1).join(separator) };
  return null;
}

/**
 * The file system of another machine that a folder is on; null: of none, or it is not known.
 * @param mounts as /proc/mounts has them
 */
export function remoteSystemOf(path: string, mounts: string): string | null {
  if (/^\\\\(?![?.]\\)/.test(path)) return 'a network share';
  let found: { readonly at: string; readonly type: string } | null = null;
  for (const line of mounts.split('\n')) {
    const [, point = '', type = ''] = line.split(' ');
    const at = point.replaceAll(String.raw`\040`, ' ');
    const isWithinMount = at !== '' && (path === at || path.startsWith(at === '/' ? '/' : `${at}/`));
    if (isWithinMount && (found === null || at.length >= found.at.length)) found = { at, type };
  }
  return found !== null && REMOTE_SYSTEMS.test(found.type) ? found.type : null;
}

/**
 * Warnings of folders that a program synchronizes, or that are on another machine, on every system. OneDrive on Windows
 * is left to `warningsOfPlaces`.
 */
export function synchronizedWarnings(
  folders: readonly (readonly [what: string, folder: string])[],
  mounts = mountsOfMachine(),
): string[] {
  const isLeft = ({ by }: { readonly by: string }): boolean => process.platform === 'win32' && by === 'OneDrive';
  const warnings = folders.flatMap(([what, folder]) => {
    const paths = [...new Set([folder, realFolder(folder, path)])];
    const [synchronized] = paths.flatMap((own) => synchronizedBy(own) ?? []).filter((own) => !isLeft(own));
    if (synchronized !== undefined)
      return [
        `${what} ${folder} is in a folder that ${synchronized.by} synchronizes (${synchronized.root}): it opens, moves and replaces files while they are in use, and a database that it brings back is an old one. Move it to a folder that is not synchronized.`,
      ];
    const [remote] = paths.flatMap((own) => remoteSystemOf(own, mounts) ?? []);
    if (remote === undefined) return [];
    return [
      `${what} ${folder} is on another machine (${remote}): locks of files may not hold there, and a break of the network damages a database. Move it to a disk of this machine; copies for others are a backup's.`,
    ];
  });
  return [...new Set(warnings)];
}

function mountsOfMachine(): string {
  try {
    return readFileSync('/proc/mounts', 'utf8');
  } catch {
    return '';
  }
}

/** Warnings of the folders of this installation; none on other systems. */
export function warningsOfPlaces(
  paths: HomePaths,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string[] {
  if (platform !== 'win32') return [];
  const places = placesOf({ home: paths.home, exchange: dirname(paths.signals), program: packageRoot() });
  // A junction may lead into OneDrive, too.
  const real = places.map((place) => ({ ...place, folder: realFolder(place.folder, win32) }));
  return [...new Set([...placeWarnings(places, env), ...placeWarnings(real, env)])];
}

interface Folders {
  readonly home: string;
  readonly exchange: string;
  readonly program: string;
}

/** The delivered home is in the installation, and signals are in the home, unless variables say otherwise. */
export function placesOf({ home, exchange, program }: Folders): Place[] {
  const places: Place[] = [
    {
      what: 'The installation',
      folder: program,
      longestBelow: LONGEST_BELOW_PROGRAM,
      move: String.raw`Unpack it into a folder such as C:\minutehand.`,
    },
  ];
  if (!isWithin(home, program))
    places.push({
      what: 'The home',
      folder: home,
      longestBelow: LONGEST_BELOW_HOME,
      move: String.raw`Set MINUTEHAND_HOME to a folder such as C:\minutehand_home, and move its files there.`,
    });
  if (!isWithin(exchange, home))
    places.push({
      what: 'The exchange folder',
      folder: exchange,
      longestBelow: LONGEST_BELOW_EXCHANGE,
      move: 'Set MINUTEHAND_EXCHANGE to another folder.',
    });
  return places;
}

/** Of a folder that is still to be made: that of the nearest one above it. */
function realFolder(folder: string, names: PlatformPath): string {
  try {
    return realpathSync.native(folder);
  } catch {
    const parent = names.dirname(folder);
    return parent === folder ? folder : names.join(realFolder(parent, names), names.basename(folder));
  }
}
