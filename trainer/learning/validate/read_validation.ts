import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VALIDATION_FILE } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import type { ModelValidation } from './validation.ts';

/** @returns null for a bundle without the report */
export function readValidation(folder: string): Readonly<Record<ModelName, ModelValidation>> | null {
  try {
    const read = JSON.parse(readFileSync(join(folder, VALIDATION_FILE), 'utf8')) as Readonly<
      Record<ModelName, ModelValidation>
    >;
    return MODEL_NAMES.every((name) => read[name]?.holdout?.pooled !== undefined) ? read : null;
  } catch {
    return null;
  }
}
