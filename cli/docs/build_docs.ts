import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import type { Command } from 'commander';
import { makeFolder } from '../../shared/folder.ts';
import { REFERENCE_PAGES, REFERENCE_PAGE_NAMES } from './pages.ts';

/** A link of a page in git to one that is built: to the branch `docs`, where a reader of GitHub finds it. */
const TO_BRANCH = /\]\((?:\.\.\/)+blob\/docs\/([^)\s]+)\)/g;
const LINK = /\]\(([^)\s]+)\)/g;

/**
 * Writes README.md, docs/ with the generated reference pages, and every other file that these link to, at their paths
 * in the repository. Links to the branch `docs` become relative ones.
 * @param root of the checkout
 * @returns paths of the written files
 */
export function buildDocs(root: string, out: string, program: Command): string[] {
  const written = new Set<string>();
  const write = (path: string, text: string): void => {
    makeFolder(dirname(join(out, path)));
    writeFileSync(join(out, path), text);
    written.add(path);
  };
  for (const name of REFERENCE_PAGE_NAMES) write(`docs/reference/${name}.md`, REFERENCE_PAGES[name](program));
  const wanted = ['README.md', ...filesBelow(root, 'docs')];
  for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
    if (written.has(path)) continue;
    if (!path.endsWith('.md')) {
      makeFolder(dirname(join(out, path)));
      cpSync(join(root, path), join(out, path));
      written.add(path);
      continue;
    }
    const text = withRelativeLinks(path, readFileSync(join(root, path), 'utf8'));
    write(path, text);
    wanted.push(...linkedFiles(path, text).filter((linked) => isFile(join(root, linked))));
  }
  return [...written].sort();
}

function filesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      posix.join(folder, join(entry.parentPath, entry.name).slice(join(root, folder).length).replaceAll('\\', '/')),
    );
}

/** Links to the branch `docs` of a page at `path`, as links to the file beside it. */
function withRelativeLinks(path: string, text: string): string {
  return text.replace(TO_BRANCH, (_link, target: string) => `](${posix.relative(posix.dirname(path), target)})`);
}

function linkedFiles(path: string, text: string): string[] {
  return [...text.matchAll(LINK)]
    .map(([, target]) => target!.split('#')[0]!)
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .map((target) => posix.join(posix.dirname(path), target))
    .filter((linked) => !linked.startsWith('..'));
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
