/**
 * Return of a position in both legs between two moments, as a fraction of its gross notional: leg A with the share
 * 1 / (1 + |beta|) on the side `side`, leg B with the rest on the side −side · sign(beta). An account earns the simple
 * return of each leg, price over price − 1. Logarithms would be below it by half the square of each leg's move.
 * @param ratioA price of leg A now over that at the entry
 */
export function pairReturn(side: number, beta: number, ratioA: number, ratioB: number): number {
  return (side * (ratioA - 1 - beta * (ratioB - 1))) / (1 + Math.abs(beta));
}
