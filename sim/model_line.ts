import type { ModelSet } from '../shared/bundle/model_set.ts';

/** One possibility of what serves, and what serves when that fails. */
interface Line {
  readonly serving: ModelSet | null;
  readonly predecessor: ModelSet | null;
  /** It was slow: dropped behind that bar, unless the second try was fast enough. */
  readonly isShaky: boolean;
}

/**
 * The models that may answer, from the history of the sets of one daemon: a new set makes the previous one its
 * predecessor, a failure restores the predecessor, and a predecessor that fails as well leaves no models. A slow set
 * may be dropped or not, so several states can be possible.
 */
export interface ModelLine {
  /** Activated by a swap. */
  swapped(set: ModelSet): void;
  /** It threw, or answered nonsense. @returns what serves now, where that is certain; undefined: it did not serve */
  failed(set: ModelSet): ModelSet | null | undefined;
  slow(set: ModelSet): void;
  /** A signal names its models; empty: none. @returns whether these can have answered */
  named(version: string): boolean;
  /** Versions that can serve now, for people. */
  readonly possible: string;
}

const versionOf = (set: ModelSet | null): string => set?.version ?? '';
const fallen = ({ predecessor }: Line): Line => ({ serving: predecessor, predecessor: null, isShaky: false });

/** With the possible outcomes of a slow set, each once. */
function outcomesOf(lines: readonly Line[]): Line[] {
  const all = lines.flatMap((line) => (line.isShaky ? [line, fallen(line)] : [line]));
  const isSame = (x: Line, y: Line): boolean =>
    x.serving === y.serving && x.predecessor === y.predecessor && x.isShaky === y.isShaky;
  return all.filter((line, i) => all.findIndex((other) => isSame(line, other)) === i);
}

export function createModelLine(): ModelLine {
  let lines: readonly Line[] = [{ serving: null, predecessor: null, isShaky: false }];
  return {
    swapped(set) {
      lines = outcomesOf(lines).map(({ serving }) => ({ serving: set, predecessor: serving, isShaky: false }));
    },
    failed(set) {
      const before = outcomesOf(lines);
      if (!before.some(({ serving }) => serving === set)) return undefined;
      lines = before.map((line) => (line.serving === set ? fallen(line) : line));
      return lines[before.findIndex(({ serving }) => serving === set)]!.serving;
    },
    slow(set) {
      lines = outcomesOf(lines).map((line) => (line.serving === set ? { ...line, isShaky: true } : line));
    },
    named(version) {
      const fitting = outcomesOf(lines).filter(({ serving }) => versionOf(serving) === version);
      if (fitting.length > 0) lines = fitting;
      return fitting.length > 0;
    },
    get possible() {
      return [...new Set(outcomesOf(lines).map(({ serving }) => versionOf(serving) || 'none'))].join(' or ');
    },
  };
}
