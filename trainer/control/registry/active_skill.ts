import { join } from 'node:path';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import type { Skill } from '../../../shared/bundle/manifest.ts';

/**
 * Skill of AI1 of the active bundle; its manifest is read again only when another version is active. null without a
 * bundle that can be read, or where the skill was not measured.
 */
export function activeSkill(models: string): () => Skill | null {
  let known: { readonly version: string; readonly skill: Skill | null } | null = null;
  return () => {
    try {
      const version = readActive(models)?.version;
      if (version === undefined) return null;
      if (known?.version !== version) known = { version, skill: readManifest(join(models, version)).skill ?? null };
      return known.skill;
    } catch {
      return null;
    }
  };
}
