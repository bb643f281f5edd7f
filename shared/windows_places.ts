import { realpathSync } from 'node:fs';
import { dirname, win32 } from 'node:path';
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

/** Warnings of the folders of this installation; none on other systems. */
export function warningsOfPlaces(
  paths: HomePaths,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string[] {
  if (platform !== 'win32') return [];
  const places = placesOf({ home: paths.home, exchange: dirname(paths.signals), program: packageRoot() });
  // A junction may lead into OneDrive, too.
  const real = places.map((place) => ({ ...place, folder: realFolder(place.folder) }));
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
function realFolder(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    const parent = win32.dirname(folder);
    return parent === folder ? folder : win32.join(realFolder(parent), win32.basename(folder));
  }
}
