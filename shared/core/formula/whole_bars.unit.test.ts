import { serialize } from 'node:v8';
import { expect, it } from 'vitest';
import { Graph } from './graph.ts';
import { delayed } from './kernel/delay.ts';
import { isConstant } from './operator.ts';
import { OPERATORS } from './operators.ts';

/** Whether the engine of JavaScript keeps a number as a whole one: it is then written as one. */
function isKeptWhole(value: number): boolean {
  return String.fromCharCode(serialize(value).at(2)!) === 'I';
}

/** A number as constants are kept once a formula has had a fraction among its own: the result of a sum of fractions. */
function besideFraction(value: number): number {
  return value + 0.5 - 0.5;
}

it('places in memory are whole numbers, also where constants stand beside a fraction', () => {
  expect([isKeptWhole(240), isKeptWhole(besideFraction(240))]).toEqual([true, false]);
  let places = 0;
  for (const operator of OPERATORS) {
    const graph = new Graph(4);
    const inputs = operator.parameters.flatMap((parameter, i) => (isConstant(parameter) ? [] : [graph.input(`x${i}`)]));
    const constants = operator.parameters.filter(isConstant).map(({ least }) => besideFraction(Math.max(8, least)));
    operator.build(graph, inputs, constants);
    // Its place is behind all that the operator keeps.
    delayed(graph, graph.input('behind'), 3);
    for (const place of graph.steps().layout.places) {
      places++;
      for (const at of Object.values(place)) expect(isKeptWhole(at as number), operator.name).toBe(true);
    }
  }
  expect(places).toBeGreaterThan(OPERATORS.length + 20);
});
