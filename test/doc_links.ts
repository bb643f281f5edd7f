import { posix } from 'node:path';
import { anchorNames } from '../trainer/control/api/doc_site/markdown.ts';

/** Anchors of a Markdown page, null for a file that does not exist; `path` is relative to the package. */
export type AnchorsOf = (path: string) => ReadonlySet<string> | null;

/** Anchors of a page's headings, in order. */
export function anchorsOf(page: string): Set<string> {
  const anchorOf = anchorNames();
  return new Set([...withoutFences(page).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, title]) => anchorOf(title!)));
}

/** Relative links and pictures of a page whose file or heading does not exist, as `page: target`. */
export function brokenLinks(page: string, text: string, anchors: AnchorsOf): string[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path, anchor] = target.split('#') as [string, string?];
      return isBroken(path === '' ? page : posix.join(posix.dirname(page), path), anchor, anchors);
    })
    .map((target) => `${page}: ${target}`);
}

/** Mentioned paths (`docs/….md` and others) of any text in the package that do not exist, as `file: mention`. */
export function brokenMentions(file: string, text: string, anchors: AnchorsOf): string[] {
  const mentions = text.matchAll(/(?<![\w/.-])(docs\/[\w/.-]+\.(?:md|json|html|png|svg))(?:#([\w-]+))?/g);
  return [...mentions]
    .filter(([, path, anchor]) => isBroken(path!, anchor, anchors))
    .map(([mention]) => `${file}: ${mention}`);
}

function isBroken(path: string, anchor: string | undefined, anchors: AnchorsOf): boolean {
  const there = anchors(path);
  return there === null || (anchor !== undefined && !there.has(anchor));
}

function withoutFences(page: string): string {
  return page.replace(/^ *```[\s\S]*?^ *```/gm, '');
}
