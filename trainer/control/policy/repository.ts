import { existsSync, rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import { MinutehandError } from '../../../shared/errors.ts';
import { makeFolder } from '../../../shared/folder.ts';
import { CONFIG_FILE_NAMES, type ConfigTexts } from '../../../shared/policy/approved.ts';
import { packageRoot } from '../../../shared/root.ts';
import { git, gitBlobs, tryGit } from './git.ts';
import { withoutSecrets, withSecrets } from './hidden_secrets.ts';
import { temporaryFolder } from '../../../shared/temporary_folder.ts';

export interface Person {
  readonly name: string;
  readonly atMs: number;
}

interface Place {
  readonly gitDir: string;
  /** The checkout that has the configuration folder; null = bare. */
  readonly workTree: string | null;
  /** Of the four files in the repository: '' or `config/`. */
  readonly folder: string;
  /** The approved branch. */
  readonly base: string;
  /** URL or path of `origin`; null = none. */
  readonly remote: string | null;
}

const REMOTE = 'origin';
const OWN_BRANCH = 'main';

export interface RepositoryOptions {
  /** `<home>/policy`. */
  readonly policyFolder: string;
  /** The folder with editable files. */
  readonly configDir: string;
  /** MINUTEHAND_POLICY_REPOSITORY. */
  readonly configured: string | undefined;
  /** The approved configuration, for an empty repository. */
  texts(): ConfigTexts;
  /** Files whose secrets stand where a commit has `***`. */
  secrets(): ConfigTexts;
}

/**
 * Git repository of the configuration: the configured one; otherwise the one in which the configuration folder is
 * committed, with its `origin`; otherwise a bare one in the home. Commits are made without a checkout, so edits in
 * progress are not affected.
 * @throws MinutehandError GIT_MISSING, GIT_FAILED
 */
export async function openRepository(options: RepositoryOptions): Promise<ConfigRepository> {
  const { policyFolder, configDir, configured } = options;
  const checkout = configured === undefined || configured === '' ? await checkoutOf(configDir) : null;
  if (checkout !== null) {
    const repository = new ConfigRepository(checkout, null);
    await repository.fetch();
    return repository;
  }
  const gitDir = join(policyFolder, 'repository.git');
  const remote = configured || null;
  if (!existsSync(join(gitDir, 'HEAD'))) await initialize(gitDir, policyFolder);
  if (remote !== null) await connect(gitDir, remote);
  const base = remote === null ? OWN_BRANCH : await branchOf(gitDir);
  const { secrets } = options;
  const bare = new ConfigRepository({ gitDir, workTree: null, folder: '', base, remote }, secrets);
  await bare.fetch();
  if ((await bare.tip()) === null) await bare.begin(options.texts());
  const folder = await bare.folderOfFiles();
  return new ConfigRepository({ gitDir, workTree: null, folder, base, remote }, secrets);
}

async function initialize(gitDir: string, policyFolder: string): Promise<void> {
  makeFolder(policyFolder);
  await git(['init', '--quiet', '--bare', `--initial-branch=${OWN_BRANCH}`, gitDir]);
}

async function connect(gitDir: string, remote: string): Promise<void> {
  if (remote.startsWith('-')) throw new MinutehandError('GIT_FAILED', { seen: `the repository ${remote}` });
  await git(['config', `remote.${REMOTE}.url`, remote], { gitDir });
  await git(['config', `remote.${REMOTE}.fetch`, `+refs/heads/*:refs/remotes/${REMOTE}/*`], { gitDir });
}

async function branchOf(gitDir: string): Promise<string> {
  const head = await git(['ls-remote', '--symref', REMOTE, 'HEAD'], { gitDir });
  return /^ref: refs\/heads\/(\S+)/.exec(head)?.[1] ?? OWN_BRANCH;
}

/** The checkout in which the folder's files are committed, unless it is the package's own. */
async function checkoutOf(configDir: string): Promise<Place | null> {
  const found = await tryGit(['rev-parse', '--show-toplevel', '--absolute-git-dir'], { cwd: configDir });
  if (found === null) return null;
  const [workTree, gitDir] = found.split('\n') as [string, string];
  if (`${configDir}${sep}`.startsWith(`${packageRoot()}${sep}`)) return null;
  if ((await tryGit(['ls-files', '--error-unmatch', CONFIG_FILE_NAMES[0]!], { cwd: configDir })) === null) return null;
  const folder = await git(['rev-parse', '--show-prefix'], { cwd: configDir });
  const base = await git(['symbolic-ref', '--short', 'HEAD'], { cwd: configDir });
  const remote = await tryGit(['config', `remote.${REMOTE}.url`], { gitDir });
  return { gitDir, workTree, folder, base, remote };
}

export class ConfigRepository {
  readonly #place: Place;
  readonly #secrets: (() => ConfigTexts) | null;

  /** @param secrets null: the files of the repository are those in use, and are committed as they are */
  constructor(place: Place, secrets: (() => ConfigTexts) | null) {
    this.#place = place;
    this.#secrets = secrets;
  }

  get base(): string {
    return this.#place.base;
  }

  get remote(): string | null {
    return this.#place.remote;
  }

  async fetch(): Promise<void> {
    if (this.remote !== null) await this.#git('fetch', '--quiet', '--prune', REMOTE);
  }

  /** Newest commit of the approved branch; null before the first. */
  tip(): Promise<string | null> {
    return this.branchTip(this.base);
  }

  branchTip(branch: string): Promise<string | null> {
    return tryGit(['rev-parse', '--verify', '--quiet', `${this.#refOf(branch)}^{commit}`], this.#place);
  }

  isAncestor(commit: string, of: string): Promise<boolean> {
    return tryGit(['merge-base', '--is-ancestor', commit, of], this.#place).then((output) => output !== null);
  }

  /** The four files of a commit. @throws MinutehandError GIT_FAILED when one is missing */
  async texts(commit: string): Promise<ConfigTexts> {
    const { folder, gitDir } = this.#place;
    const blobs = await gitBlobs(
      CONFIG_FILE_NAMES.map((name) => `${commit}:${folder}${name}`),
      gitDir,
    );
    const texts = Object.fromEntries(CONFIG_FILE_NAMES.map((name, index) => [name, blobs[index]!]));
    return this.#secrets === null ? texts : withSecrets(texts, this.#secrets());
  }

  /** A commit with changed files relative to its first parent; not on a branch yet. */
  async commit(
    { parents, texts }: { readonly parents: readonly string[]; readonly texts: ConfigTexts },
    message: string,
    author: Person,
    committer: Person = author,
  ): Promise<string> {
    const folder = temporaryFolder('index');
    const { gitDir } = this.#place;
    const withIndex = { gitDir, env: { GIT_INDEX_FILE: join(folder, 'index') } };
    try {
      await git(parents.length === 0 ? ['read-tree', '--empty'] : ['read-tree', parents[0]!], withIndex);
      const committed = this.#secrets === null ? texts : withoutSecrets(texts);
      const entries = await Promise.all(
        Object.entries(committed).map(async ([name, text]) => {
          const blob = await git(['hash-object', '-w', '--stdin'], { gitDir, input: text });
          return `100644 ${blob}\t${this.#place.folder}${name}\n`;
        }),
      );
      await git(['update-index', '--add', '--index-info'], { ...withIndex, input: entries.join('') });
      const tree = await git(['write-tree'], withIndex);
      const args = ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent])];
      return await git(args, { gitDir, input: message, env: identity(author, committer) });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The first commit of an empty repository. */
  async begin(texts: ConfigTexts): Promise<void> {
    const nobody = { name: 'minutehand', atMs: 0 };
    const commit = await this.commit({ parents: [], texts }, 'Configuration in use\n', nobody);
    await this.#moveBranch(this.base, null, commit);
  }

  /** Commits directly edited files to our own repository if their values differ. */
  async adopt(texts: ConfigTexts, valuesOf: (texts: ConfigTexts) => string): Promise<void> {
    const tip = await this.tip();
    if (tip === null || this.remote !== null || this.#place.workTree !== null) return;
    if (valuesOf(await this.texts(tip)) === valuesOf(texts)) return;
    const nobody = { name: 'minutehand', atMs: 0 };
    await this.#moveBranch(
      this.base,
      tip,
      await this.commit({ parents: [tip], texts }, 'Configuration in use\n', nobody),
    );
  }

  addBranch(branch: string, commit: string): Promise<void> {
    return this.#moveBranch(branch, null, commit);
  }

  /** Moves the approved branch; fails if another writer was faster. @throws MinutehandError GIT_FAILED */
  async advance(from: string, to: string): Promise<void> {
    if (this.remote === null && this.#place.workTree !== null) await this.#mergeCheckout(to);
    else await this.#moveBranch(this.base, from, to);
  }

  /** Brings the checkout to the newest commit. */
  async pull(): Promise<void> {
    if (this.remote !== null && this.#place.workTree !== null) await this.#mergeCheckout(this.#refOf(this.base));
  }

  /** @throws MinutehandError CHANGE_DIRTY */
  async assertClean(): Promise<void> {
    const { workTree, folder } = this.#place;
    if (workTree === null) return;
    const status = await git(['status', '--porcelain', '--', folder || '.'], { cwd: workTree });
    if (status !== '') throw new MinutehandError('CHANGE_DIRTY', { seen: status.split('\n').slice(0, 5).join(', ') });
  }

  async folderOfFiles(): Promise<string> {
    const names = (await this.#git('ls-tree', '-r', '--name-only', (await this.tip())!)).split('\n');
    const found = names.filter((name) => name === CONFIG_FILE_NAMES[0] || name.endsWith(`/${CONFIG_FILE_NAMES[0]}`));
    if (found.length === 1) return found[0]!.slice(0, -CONFIG_FILE_NAMES[0]!.length);
    throw new MinutehandError('GIT_FAILED', { seen: `${found.length} files ${CONFIG_FILE_NAMES[0]} in ${this.base}` });
  }

  async #moveBranch(branch: string, from: string | null, to: string): Promise<void> {
    const ref = `refs/heads/${branch}`;
    if (this.remote === null) return void (await this.#git('update-ref', ref, to, from ?? '0'.repeat(to.length)));
    await this.#git('push', '--quiet', `--force-with-lease=${ref}:${from ?? ''}`, REMOTE, `${to}:${ref}`);
    await this.#git('update-ref', `refs/remotes/${REMOTE}/${branch}`, to);
  }

  /** A fast-forward: nothing of the checkout is overwritten. */
  async #mergeCheckout(to: string): Promise<void> {
    await git(['merge', '--quiet', '--ff-only', to], { cwd: this.#place.workTree! });
  }

  #refOf(branch: string): string {
    return this.remote === null ? `refs/heads/${branch}` : `refs/remotes/${REMOTE}/${branch}`;
  }

  #git(...args: readonly string[]): Promise<string> {
    return git(args, { gitDir: this.#place.gitDir });
  }
}

function identity(author: Person, committer: Person): Record<string, string> {
  const of = (role: string, { name, atMs }: Person): Record<string, string> => ({
    [`GIT_${role}_NAME`]: name.replace(/[<>\n]/g, ' ').trim() || 'minutehand',
    [`GIT_${role}_EMAIL`]: 'minutehand@localhost',
    [`GIT_${role}_DATE`]: `@${Math.floor(atMs / 1000)} +0000`,
  });
  return { ...of('AUTHOR', author), ...of('COMMITTER', committer) };
}
