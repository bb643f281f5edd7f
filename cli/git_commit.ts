import { execFileSync } from 'node:child_process';
import { packageRoot } from '../shared/root.ts';
import { outsideEnvironment } from '../shared/secrets.ts';

/** The commit of this program; null outside a repository. */
export function gitCommit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: packageRoot(),
      encoding: 'utf8',
      env: outsideEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
