import { existsSync, readdirSync } from 'node:fs';
import { join, parse } from 'node:path';

/**
 * Replaces a path with `*` by the paths that exist, in the order of their names, as shells of Unix do before a program
 * starts; cmd and PowerShell do not. One that nothing matches stays as it is, to be reported as missing.
 */
export function expandPatterns(
  paths: readonly string[],
  platform: NodeJS.Platform = process.platform,
): readonly string[] {
  if (platform !== 'win32') return paths;
  return paths.flatMap((path) => {
    if (!path.includes('*')) return [path];
    const found = matching(path);
    return found.length > 0 ? found : [path];
  });
}

function matching(path: string): string[] {
  const { root } = parse(path);
  let found = [root];
  for (const part of path.slice(root.length).split(/[\\/]/)) {
    if (!part.includes('*')) {
      found = found.map((folder) => join(folder, part)).filter((next) => existsSync(next));
      continue;
    }
    const pattern = new RegExp(`^${part.split('*').map(literal).join('.*')}$`, 'i');
    found = found.flatMap((folder) =>
      namesIn(folder)
        .filter((name) => pattern.test(name))
        .map((name) => join(folder, name)),
    );
    // `*` of a middle part matches files too, below which there is nothing.
    found = found.filter((next) => existsSync(next));
  }
  return found;
}

const literal = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder === '' ? '.' : folder).sort();
  } catch {
    return [];
  }
}
