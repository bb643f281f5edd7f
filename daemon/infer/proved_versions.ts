import type { ActiveFile } from '../../shared/bundle/active_file.ts';

/**
 * Versions that a start may use in place of a refused pointer or bundle, best first: of pointers that were accepted
 * before, then of the predecessors that they name. A predecessor that is newer was taken back by a rollback.
 * @param accepted pointers, newest first. A damaged mark, or a key that cannot be read, proves nothing
 * @param failed version of the bundle that is refused: only older ones serve. null = the pointer itself is refused
 */
export function provedVersions(accepted: () => readonly ActiveFile[], failed: string | null): string[] {
  const pointers = acceptedOrNone(accepted);
  const predecessors = pointers.filter(({ version, previous }) => previous !== null && previous < version);
  const versions = [...pointers.map(({ version }) => version), ...predecessors.map(({ previous }) => previous!)];
  return [...new Set(versions)].filter((version) => failed === null || version < failed);
}

function acceptedOrNone(accepted: () => readonly ActiveFile[]): readonly ActiveFile[] {
  try {
    return accepted();
  } catch {
    // The refusal of the pointer is reported.
    return [];
  }
}
