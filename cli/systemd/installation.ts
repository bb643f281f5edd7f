import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { loadSettings, shardsOf, type Settings } from '../../shared/policy/policy.ts';
import { isFolderTarget } from '../../shared/archive_targets.ts';
import { CONFIG_FILES } from '../../shared/policy/schema.ts';
import { packageRoot } from '../../shared/root.ts';
import { COMPILED_PROGRAM } from '../../shared/launcher.ts';

export const CONFIG_FOLDER = '/etc/minutehand';
export const HOME_FOLDER = '/var/lib/minutehand';
export const LOG_FOLDER = '/var/log/minutehand';
export const USER = 'minutehand';
export const TARGET = 'minutehand.target';
const UNIT_FOLDER = '/etc/systemd/system';
const ENVIRONMENT_FILE = `${CONFIG_FOLDER}/minutehand.env`;
const TRAINER = 'minutehand-trainer.service';
const SHARED_FOLDER = 'minutehand-.service.d';
/** Paths of node and the program in the files of systemd/. */
const START_AS_DELIVERED = `/usr/bin/node /opt/minutehand/${COMPILED_PROGRAM}`;

/** Location of the service files, and the program they run. */
export interface Target {
  /** `/`, or the folder that will be one. */
  readonly root: string;
  /** Folder of the package, as the service will see it. */
  readonly program: string;
  readonly node: string;
  /** Whether each shard gets a second daemon that waits for its place. */
  readonly hasStandby: boolean;
}

export interface PlannedFile {
  /** As the service will see it: without the root. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  /** The user's once it is there: it is never written again. */
  readonly isUsers: boolean;
}

export interface Installation {
  readonly settings: Settings;
  readonly files: readonly PlannedFile[];
  /** Units that start with the machine, the target first. */
  readonly units: readonly string[];
}

/**
 * Plans an installation: units, configuration, user and log rotation.
 * @throws MinutehandError CONFIG_* when the configuration that is there, or else the one that comes with the package,
 * is wrong
 */
export function planInstallation(target: Target): Installation {
  const { root, hasStandby } = target;
  const environment = readEnvironment(join(root, ENVIRONMENT_FILE));
  const isConfigured = existsSync(join(root, CONFIG_FOLDER, CONFIG_FILES.minutehand));
  const settings = loadSettings({
    configDir: isConfigured ? join(root, CONFIG_FOLDER) : join(packageRoot(), 'config'),
    env: environment,
  });
  const daemons = hasStandby ? ['daemon', 'standby'] : ['daemon'];
  const units = [
    TARGET,
    TRAINER,
    ...shardsOf(settings.minutehand).flatMap(({ name }) => daemons.map((kind) => `minutehand-${kind}@${name}.service`)),
  ];
  const files = [
    ...programFiles(target, placesOutside(settings, environment)),
    ...configurationFiles(),
    { path: ENVIRONMENT_FILE, text: delivered('minutehand.env'), mode: 0o600, isUsers: true },
  ];
  return { settings, files, units };
}

/**
 * The files that come and go with the program: units, user, log rotation.
 * @param places folders outside its own that it must be able to write to
 */
export function programFiles(
  target: Pick<Target, 'program' | 'node'> = { program: '/', node: '/' },
  places: readonly string[] = [],
): PlannedFile[] {
  return [
    ...['minutehand-daemon@.service', 'minutehand-standby@.service', 'minutehandfailure@.service', TRAINER, TARGET].map(
      (name) => ours(`${UNIT_FOLDER}/${name}`, atPlace(delivered(name), target, unitWord)),
    ),
    ours(`${UNIT_FOLDER}/${SHARED_FOLDER}/10-common.conf`, delivered(SHARED_FOLDER, '10-common.conf')),
    ours(`${UNIT_FOLDER}/${SHARED_FOLDER}/20-places.conf`, placesText(places)),
    ours('/etc/sysusers.d/minutehand.conf', delivered('minutehand.sysusers')),
    ours('/etc/logrotate.d/minutehand', delivered('minutehand.logrotate')),
    {
      ...ours('/usr/local/bin/minutehandctl', atPlace(delivered('minutehandctl.sh'), target, shellWord)),
      mode: 0o755,
    },
  ];
}

/** Units of an earlier installation that start with the machine. */
export function enabledUnits(root: string): string[] {
  const folder = join(root, UNIT_FOLDER, `${TARGET}.wants`);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** Every unit that systemd may have: those that start with the machine, and the target. */
export function installedUnits(root: string): string[] {
  return existsSync(join(root, UNIT_FOLDER, TARGET)) ? [TARGET, ...enabledUnits(root)] : [];
}

function ours(path: string, text: string): PlannedFile {
  return { path, text, mode: 0o644, isUsers: false };
}

function delivered(...path: string[]): string {
  return readFileSync(join(packageRoot(), 'systemd', ...path), 'utf8');
}

function configurationFiles(): PlannedFile[] {
  const folder = join(packageRoot(), 'config');
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
  return [
    ...Object.values(CONFIG_FILES).map((name) => ({
      path: `${CONFIG_FOLDER}/${name}`,
      text: read(name),
      mode: 0o644,
      isUsers: true,
    })),
    // Schemas that the first line of each of these files names, for editors.
    ...readdirSync(join(folder, 'schema')).map((name) =>
      ours(`${CONFIG_FOLDER}/schema/${name}`, read(join('schema', name))),
    ),
  ];
}

function atPlace(
  text: string,
  { node, program }: Pick<Target, 'program' | 'node'>,
  quote: (word: string) => string,
): string {
  return text.replaceAll(START_AS_DELIVERED, () => `${quote(node)} ${quote(join(program, COMPILED_PROGRAM))}`);
}

function shellWord(word: string): string {
  return /^[\w@:.,+/=%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** One word of a command line. Source: systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers". */
function unitWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', () => '$$');
  return /^[\w@:.,+/=%-]+$/.test(word) ? escaped : `"${escaped.replaceAll(/[\\"]/g, '\\$&')}"`;
}

/** Folders beyond its own that a service must be able to write to: those that configuration and environment name. */
function placesOutside({ signals }: Settings, environment: NodeJS.ProcessEnv): string[] {
  const named = [
    environment['MINUTEHAND_EXCHANGE'] ?? '',
    isFolderTarget(signals.archive_target) ? signals.archive_path : '',
  ];
  const outside = named.filter((path) => isAbsolute(path) && relative(HOME_FOLDER, path).startsWith('..'));
  return [...new Set(outside)];
}

function placesText(places: readonly string[]): string {
  const bound = places.map((path) => `BindPaths=${unitWord(`-${path}`)}\n`).join('');
  return `# Folders outside ${HOME_FOLDER} that the configuration names, as \`minutehand service install\` found it: run it again when that changes.
${bound === '' ? '# None.\n' : `\n[Service]\n# Of homes these are all that can be seen.\nProtectHome=tmpfs\n${bound}`}`;
}

/**
 * The variables of a file as systemd reads it; none where it is not there, or root's. Source: systemd.exec(5),
 * EnvironmentFile=.
 */
function readEnvironment(path: string): NodeJS.ProcessEnv {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return {};
  }
  const environment: NodeJS.ProcessEnv = {};
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(equals, 0)).trimStart();
    if (/^[A-Za-z_]\w*$/.test(name))
      environment[name] = line
        .slice(equals + 1)
        .trim()
        .replace(/^(["'])(.*)\1$/, '$2');
  }
  return environment;
}
