/** A symbol as configuration, store, file names and signals spell it: `EURUSD`, `BRK.B`, `BTCUSDT.250328`. */
export const SYMBOL_SOURCE = '[A-Z0-9]+(?:\\.[A-Z0-9]+)*';
export const MAX_SYMBOL_LENGTH = 40;

/** Windows opens a device for these names, whatever their extension. */
export const WINDOWS_DEVICE = /^(?:CON|PRN|AUX|NUL|COM\d|LPT\d)(?:\.|$)/i;

const SYMBOL = new RegExp(`^${SYMBOL_SOURCE}$`);

/** Returns whether this is a symbol as the program spells it. */
export function isSymbol(text: string): boolean {
  return text.length <= MAX_SYMBOL_LENGTH && SYMBOL.test(text) && !WINDOWS_DEVICE.test(text);
}
