import { execFile } from 'node:child_process';
import { MinutehandError } from '../../../shared/errors.ts';
import { maskSecrets, NETWORK_SETTINGS, outsideEnvironment } from '../../../shared/secrets.ts';

/** Longer than any command here takes; a host that does not answer must not hold a change forever. */
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 << 20;

export interface GitOptions {
  readonly cwd?: string;
  readonly gitDir?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the git program: an array of arguments, no shell, no hooks, no questions.
 * @returns its standard output without the last line break
 * @throws MinutehandError GIT_MISSING, GIT_FAILED
 */
export function git(args: readonly string[], { cwd, gitDir, input, env = {} }: GitOptions = {}): Promise<string> {
  const all = [
    '-c',
    'core.hooksPath=/dev/null',
    '-c',
    'gc.auto=0',
    ...(gitDir ? [`--git-dir=${gitDir}`] : []),
    ...args,
  ];
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...cleanEnvironment(), ...env }, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
    const child = execFile('git', all, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout.replace(/\n$/, ''));
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return reject(new MinutehandError('GIT_MISSING', {}));
      const output = stderr.trim() || error.message;
      reject(new MinutehandError('GIT_FAILED', { seen: maskSecrets(`git ${args[0]}: ${output}`), cause: error }));
    });
    // A program that is missing or has ended takes no input.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** As `git`, but null where it fails. @throws MinutehandError GIT_MISSING */
export async function tryGit(args: readonly string[], options: GitOptions = {}): Promise<string | null> {
  try {
    return await git(args, options);
  } catch (error) {
    if (error instanceof MinutehandError && error.code === 'GIT_FAILED') return null;
    throw error;
  }
}

/**
 * Texts of objects, such as `<commit>:config/core_policy.yaml`, read by one process.
 * @throws MinutehandError GIT_MISSING, GIT_FAILED when one of them is missing
 */
export async function gitBlobs(names: readonly string[], gitDir: string): Promise<string[]> {
  const output = Buffer.from(
    await git(['cat-file', '--batch'], { gitDir, input: names.map((name) => `${name}\n`).join('') }),
  );
  // Each object is a line `<hash> blob <bytes>`, its bytes and a line break; `git` has stripped the last one.
  const texts: string[] = [];
  let offset = 0;
  for (const name of names) {
    const end = output.indexOf('\n', offset);
    const header = output.toString('utf8', offset, end === -1 ? output.length : end);
    const bytes = Number(/ blob (\d+)$/.exec(header)?.[1] ?? NaN);
    if (Number.isNaN(bytes)) throw new MinutehandError('GIT_FAILED', { seen: `git cat-file ${name}: ${header}` });
    texts.push(output.toString('utf8', end + 1, end + 1 + bytes));
    offset = end + 1 + bytes + 1;
  }
  return texts;
}

/** A repository that the caller's environment names is not ours; messages are in English. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(outsideEnvironment(process.env, NETWORK_SETTINGS)).filter(
    ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR)$/.test(name),
  );
  return { ...Object.fromEntries(entries), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' };
}
