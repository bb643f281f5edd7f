import type { ModelSet } from '../shared/bundle/model_set.ts';

/** One possible state: the serving set, and its fallback. */
interface Line {
  readonly serving: ModelSet | null;
  readonly predecessor: ModelSet | null;
  /** The set was slow: its predecessor replaces it after that bar unless the retry was fast enough. */
  readonly isShaky: boolean;
}

/**
 * The model sets that may answer, derived from the history of one daemon: a swap makes the previous set the fallback, a
 * failure restores the fallback, and if that fails too no models remain. A slow set may or may not be replaced by its
 * fallback, so several states can be possible.
 */
export interface ModelLine {
  /** A swap activated this set. */
  swapped(set: ModelSet): void;
  /**
   * The set threw or gave an invalid answer.
   * @returns the serving set, if certain; undefined: the set was not serving
   */
  failed(set: ModelSet): ModelSet | null | undefined;
  slow(set: ModelSet): void;
  /** A signal names its models; empty: none. @returns whether these can have answered */
  named(version: string): boolean;
  /** Versions that can serve now, for messages. */
  readonly possible: string;
}

const versionOf = (set: ModelSet | null): string => set?.version ?? '';
const fallen = ({ predecessor }: Line): Line => ({ serving: predecessor, predecessor: null, isShaky: false });

/** All states that slow sets may lead to, without duplicates. */
function outcomesOf(lines: readonly Line[]): Line[] {
  const all = lines.flatMap((line) => (line.isShaky && line.predecessor !== null ? [line, fallen(line)] : [line]));
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
