import { MinutehandError } from '../../errors.ts';
import { readModel } from '../onnx/read_model.ts';
import { ELEMENT_FLOAT32, type OnnxModel, type OnnxValue } from '../onnx/schema.ts';
import { CLASSES } from './direction_scoring.ts';

/**
 * Refuses a graph whose declared shapes are not those of a direction model: float32 [N, columns] to [N, 3]. What a
 * graph does not declare shows when it is run.
 * @throws MinutehandError MODEL_LOAD
 */
export function refuseOtherShapes(bytes: Uint8Array, columns: number, path: string): void {
  const expected = `float32 [N, ${columns}] → float32 [N, 3]: up, down, range`;
  const refusal = readModel(bytes, expected, (model) => shapeRefusal(model, columns));
  if (refusal !== null) throw new MinutehandError('MODEL_LOAD', { seen: `${path} ${refusal}`, expected });
}

function shapeRefusal({ graph }: OnnxModel, columns: number): string | null {
  const { inputs, outputs } = graph;
  // Earlier versions of ONNX list weights among the inputs; onnxruntime knows which they are.
  if (inputs.length === 1) {
    const [input] = inputs as [OnnxValue];
    const { elementType, sizes } = declared(input);
    if (sizes !== null && sizes.length === 3)
      return `takes a sequence of ${sizes[1] || 'some'} bars: a direction model gets the newest bar alone, sequences are served for pairs only`;
    if (sizes !== null && sizes.length !== 2) return `takes ${sizes.length} dimensions`;
    if (sizes !== null && sizes[1] !== 0 && sizes[1] !== columns) return `takes ${sizes[1]} features`;
    if (elementType !== null && elementType !== ELEMENT_FLOAT32) return `takes features of element type ${elementType}`;
  }
  if (outputs.length === 1) {
    const { sizes } = declared(outputs[0]!);
    const classes = sizes?.[1] ?? 0;
    if (classes !== 0 && classes !== CLASSES) return `answers with ${classes} numbers a row`;
  }
  return null;
}

/** @returns sizes of the dimensions, 0 where one is free; null for what is not declared */
function declared({ type }: OnnxValue): { readonly elementType: number | null; readonly sizes: number[] | null } {
  const { elementType = null, shape } = type?.tensor ?? {};
  return { elementType, sizes: shape?.dimensions?.map(({ size = 0 }) => size) ?? null };
}
