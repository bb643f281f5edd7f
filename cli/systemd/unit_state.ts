/** State of a unit in systemd. */
export interface UnitState {
  readonly unit: string;
  /** `active`, `activating`, `failed`, `inactive` …, as systemd reports it. */
  readonly active: string;
  /** The finer word: `running`, `auto-restart`, `dead` … */
  readonly sub: string;
  readonly enabled: boolean;
  /** Status that the process reports. */
  readonly status: string;
  readonly pid: number | null;
  /** Begin of this state; ISO 8601, UTC. */
  readonly since: string | null;
  /** Number of automatic restarts. */
  readonly restarts: number;
  readonly memory_bytes: number | null;
  /** Why it ended last: `success`, `watchdog`, `oom-kill`, `exit-code`, `timeout` … */
  readonly result: string;
}

/** In the order of `systemctl show`, which is its own. */
const PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'StatusText',
  'MainPID',
  'StateChangeTimestamp',
  'NRestarts',
  'MemoryCurrent',
  'Result',
];

/** Arguments with which systemctl prints what `readUnitStates` reads. */
export function showArguments(units: readonly string[]): string[] {
  return ['show', '--timestamp=unix', `--property=${PROPERTIES.join(',')}`, '--', ...units];
}

/** Reads the answer of `systemctl show`: a paragraph for each unit, `Name=value` in each line. */
export function readUnitStates(text: string): UnitState[] {
  return text
    .trim()
    .split(/\n\n+/)
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => {
      const found = new Map(
        paragraph.split('\n').map((line): [string, string] => {
          const at = line.indexOf('=');
          return [line.slice(0, at), line.slice(at + 1)];
        }),
      );
      const word = (name: string): string => found.get(name) ?? '';
      // Figures that systemd does not have are 0, "[not set]" or absent.
      const figure = (name: string): number | null => (/^[1-9]\d{0,15}$/.test(word(name)) ? Number(word(name)) : null);
      const since = /^@(\d+)$/.exec(word('StateChangeTimestamp'));
      return {
        unit: word('Id'),
        active: word('LoadState') === 'loaded' ? word('ActiveState') : word('LoadState'),
        sub: word('SubState'),
        enabled: word('UnitFileState') === 'enabled',
        status: word('StatusText'),
        pid: figure('MainPID'),
        since: since === null ? null : new Date(Number(since[1]) * 1000).toISOString(),
        restarts: figure('NRestarts') ?? 0,
        memory_bytes: figure('MemoryCurrent'),
        result: word('Result'),
      };
    });
}

/** For people: a line for each unit, and the status of the process below. */
export function unitLines(states: readonly UnitState[]): string[] {
  const width = Math.max(...states.map(({ unit }) => unit.length));
  return states.flatMap(({ unit, active, sub, enabled, status, pid, since, restarts, memory_bytes, result }) => {
    const facts = [
      `${active} (${sub})`,
      ...(since === null ? [] : [`since ${since}`]),
      ...(pid === null ? [] : [`pid ${pid}`]),
      ...(memory_bytes === null ? [] : [`${Math.round(memory_bytes / 1e6)} MB`]),
      ...(restarts === 0 ? [] : [`started again ${restarts} ${restarts === 1 ? 'time' : 'times'}`]),
      ...(result === '' || result === 'success' ? [] : [`ended last with ${result}`]),
      ...(enabled ? [] : ['does not start with the machine']),
    ];
    return [
      `${unit.padEnd(width)}  ${facts.join(', ')}`,
      ...(status === '' ? [] : [`${' '.repeat(width)}  ${status}`]),
    ];
  });
}
