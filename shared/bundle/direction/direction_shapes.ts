import { MinutehandError } from '../../errors.ts';
import { readModel } from '../onnx/read_model.ts';
import { ELEMENT_FLOAT32, type OnnxModel, type OnnxValue } from '../onnx/schema.ts';
import type { RowShape } from '../scorer.ts';
import { CLASSES } from './direction_scoring.ts';

/**
 * Refuses a graph whose declared shapes are not those of a direction model: float32 [N, columns], or
 * [N, bars, columns], to [N, 3]. What a graph does not declare shows when it is run.
 * @throws MinutehandError MODEL_LOAD
 */
export function refuseOtherShapes(bytes: Uint8Array, shape: RowShape, path: string): void {
  const { columns, bars } = shape;
  const input = bars === 1 ? `[N, ${columns}]` : `[N, ${bars}, ${columns}]`;
  const expected = `float32 ${input} → float32 [N, 3]: up, down, range`;
  const refusal = readModel(bytes, expected, (model) => shapeRefusal(model, shape));
  if (refusal !== null) throw new MinutehandError('MODEL_LOAD', { seen: `${path} ${refusal}`, expected });
}

function shapeRefusal({ graph }: OnnxModel, { columns, bars }: RowShape): string | null {
  const { inputs, outputs } = graph;
  // Earlier versions of ONNX list weights among the inputs; onnxruntime knows which they are.
  if (inputs.length === 1) {
    const [input] = inputs as [OnnxValue];
    const { elementType, sizes } = declared(input);
    if (sizes !== null) {
      const wanted = bars === 1 ? [columns] : [bars, columns];
      const own = sizes.slice(1);
      if (own.length === 2 && bars === 1)
        return `takes a sequence of ${own[0] || 'some'} bars, and its manifest states none (windows.sequence)`;
      if (own.length !== wanted.length) return `takes ${sizes.length} dimensions`;
      if (bars > 1 && own[0] !== 0 && own[0] !== bars) return `takes a sequence of ${own[0]} bars`;
      if (own.at(-1) !== 0 && own.at(-1) !== columns) return `takes ${own.at(-1)} features`;
    }
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
