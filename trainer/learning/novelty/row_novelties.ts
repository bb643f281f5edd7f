import { InputNovelty, type InputDescription } from '../../../shared/bundle/input_novelty.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';

/** Novelty of each row, as the daemon computes it; null where nothing describes what the model learned from. */
export function rowNovelties(
  { rows, columns, values }: Matrix,
  inputs: InputDescription | null | undefined,
  definitions: readonly { readonly name: string }[],
): Float64Array | null {
  if (inputs === null || inputs === undefined) return null;
  const novelty = new InputNovelty(
    inputs,
    definitions.map(({ name }) => name),
  );
  return Float64Array.from({ length: rows }, (_, row) => novelty.of(values, row * columns));
}
